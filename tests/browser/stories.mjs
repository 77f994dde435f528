/* SPDX-License-Identifier: Apache-2.0
 * What a person does and sees, one story each, against the made-up gateway. */
import { fake, listen, samples } from "./browser.mjs";

const VIEW = { viewport: { width: 1280, height: 800 } };

async function story(browser, fault, name, args, act) {
  const gateway = await fake(...args);
  const context = await browser.newContext(VIEW);
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  const heard = listen(page);
  const expect = (truth, what) => {
    if (!truth) fault(`${name}: ${what}`);
  };
  try {
    await act({ page, gateway, expect, heard });
  } catch (error) {
    fault(`${name}: ${String(error.message).split("\n")[0]}`);
  }
  await context.close();
  gateway.stop();
  console.log(`story: ${name}`);
}

const text = (page, selector) => page.locator(selector).first().innerText();

async function silence({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector("#live.live");
  await gateway.turn("silence");
  await page.waitForSelector("body.stale #live.lost");
  expect(/\d+s old/.test(await text(page, "#live")), "no age beside the amber mark");
  expect(/silent since/.test(await text(page, "#banners")), "no banner says since when");
  await gateway.turn("speak");
  await page.waitForSelector("body:not(.stale) #live.live");
  await page.waitForFunction(() => !document.querySelector("#banners").textContent);
}

async function gone({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector("#live.live");
  gateway.stop();
  await page.waitForSelector("body.stale #live.lost");
  expect((await page.locator(".strip .cell").count()) > 0, "the last picture is gone");
}

async function serverDown({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector("#live.live");
  await gateway.turn("server-down");
  await page.waitForSelector(".banner");
  expect(/does not answer/.test(await text(page, "#banners")), "no sentence of the server");
  await gateway.turn("failed");
  await page.waitForFunction(
    () =>
      /provisioner/.test(document.querySelector(".group.last").innerText) ||
      document.querySelector(".group.last .big").innerText === "2",
  );
}

async function keyboard({ page, gateway, expect }) {
  await page.goto(`${gateway.url}/machines?sort=-spent`);
  await page.waitForSelector("tr[data-key]");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const second = await page.locator("tr[data-key]").nth(1).getAttribute("aria-current");
  expect(second === "true", "j j is not on the second row");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/machines\/i-/);
  await page.waitForSelector(".band");
  await page.goBack();
  await page.waitForSelector("tr[data-key]");
  expect(page.url().includes("sort=-spent"), "the sort is no part of the address");
  await page.keyboard.press("/");
  await page.keyboard.type("no such thing");
  await page.waitForSelector(".empty:not([hidden])");
  await page.keyboard.press("Escape");
  await page.waitForSelector("tr[data-key]");
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
}

async function manyRows({ page, gateway, expect }) {
  await page.goto(`${gateway.url}/tasks`);
  await page.waitForFunction(
    () => Number(document.querySelector("table")?.getAttribute("aria-rowcount")) > 19000,
  );
  const drawn = await page.locator("tr[data-key]").count();
  expect(drawn > 5 && drawn < 100, `${drawn} rows are drawn`);
  await page.locator(".scroll.fill").evaluate((node) => {
    node.scrollTop = node.scrollHeight;
  });
  await page.waitForFunction(() =>
    [...document.querySelectorAll("tr[data-key]")].some(
      (tr) => Number(tr.getAttribute("aria-rowindex")) > 19000,
    ),
  );
}

async function kill({ page, gateway, expect }) {
  const { machine } = await samples(gateway.url);
  await page.goto(`${gateway.url}/machines/${machine}`);
  await page.getByRole("button", { name: /^Kill i-/ }).click();
  const words = await text(page, "dialog");
  expect(/1 running task goes back to its queue/.test(words), "the dialog names no task");
  await page.locator("dialog button.danger").click();
  await page.waitForSelector("dialog", { state: "detached" });
  await page.waitForFunction(() =>
    /ended/.test(document.querySelector(".title .chip")?.innerText),
  );
}

async function conflict({ page, gateway, expect }) {
  await page.goto(`${gateway.url}/config`);
  await page.waitForFunction(() =>
    document.querySelector(".paper textarea")?.value?.includes("deployment"),
  );
  const area = page.locator(".paper textarea");
  const before = await area.inputValue();
  await area.fill(before.replace("max_machines: 8", "max_machines: many"));
  await page.waitForSelector(".gutter .fault");
  const line = before.slice(0, before.indexOf("max_machines: 8")).split("\n").length;
  expect(
    (await text(page, ".faults")).includes(`line ${line}`),
    "the fault is not at its line",
  );
  await area.fill(before.replace("max_machines: 8", "max_machines: 9"));
  await page.waitForFunction(() => !document.querySelector(".gutter .fault"));
  await gateway.turn("faster");
  await page.getByRole("button", { name: "Apply…" }).click();
  await page.getByRole("button", { name: "Apply drover.yaml" }).click();
  await page.waitForSelector(".sides");
  const sides = await page.locator(".sides section").allInnerTexts();
  expect(/14/.test(sides[0]) && /9/.test(sides[1]), "both versions are not shown");
  await page.getByRole("button", { name: /^Put mine/ }).click();
  await page.getByRole("button", { name: "Apply drover.yaml" }).click();
  await page.waitForSelector("dialog", { state: "detached" });
  await page.waitForFunction(() =>
    document.querySelector(".paper textarea")?.value?.includes("machines: 9"),
  );
}

async function setUp({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForURL(/\/wizard/);
  const next = () => page.getByRole("button", { name: "Next", exact: true }).click();
  const heading = (word) =>
    page.waitForFunction((w) => document.querySelector("main h2")?.innerText === w, word);
  await heading("ClearML server");
  await page.getByLabel(/^api server/).fill("nowhere");
  await page.getByLabel(/^api server/).blur();
  await page.waitForSelector(".fault:not([hidden])");
  await page.getByLabel(/^api server/).fill("https://api.clear.ml");
  await page.waitForSelector(".fault:not([hidden])", { state: "detached" }).catch(() => null);
  await page.getByLabel("access key").fill("AK");
  await page.getByLabel("secret key").fill("SK");
  await page.getByRole("button", { name: /^Test the ClearML/ }).click();
  await page.waitForSelector(".faults li");
  await next();
  await heading("Cloud");
  await page.getByLabel("region").fill("eu-west-1");
  await next();
  await heading("Code access");
  await next();
  await heading("Machine types");
  await page.getByLabel("instance type").fill("g5.xlarge");
  await page.waitForFunction(() =>
    /\$2|2\.01/.test(document.querySelector(".aside .big").innerText),
  );
  await page.getByRole("button", { name: "Add another machine type" }).click();
  await next();
  await heading("Queues");
  await page.getByLabel("gpu", { exact: true }).check();
  await page.getByLabel("A new queue").fill("night");
  await page.getByRole("button", { name: "Create it at launch" }).click();
  await page.getByRole("button", { name: "Back" }).click();
  await heading("Machine types");
  expect(
    (await page.getByLabel("instance type").first().inputValue()) === "g5.xlarge",
    "back lost input",
  );
  const yaml = await text(page, ".aside pre");
  expect(yaml.includes("night") && yaml.includes("g5.xlarge"), "the file did not grow");
  expect(!yaml.includes("SK"), "a secret is in the file");
  await page.locator(".steps button", { hasText: "Launch" }).click();
  await heading("Summary");
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.waitForSelector(".faults li");
  await page.getByRole("button", { name: "Launch…" }).click();
  await page.getByRole("button", { name: "Launch Drover" }).click();
  await page.waitForFunction(
    () =>
      /files?|drover.yaml/.test(document.querySelector("main").innerText) &&
      /Launched/.test(document.querySelector("main").innerText),
  );
}

async function login({ page, gateway, expect, heard }) {
  await page.goto(`${gateway.url}/costs`);
  await page.waitForURL(/\/login/);
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForFunction(() => /No account/.test(document.querySelector("main").innerText));
  await page.getByLabel("Password").fill("drover");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL(/\/costs/);
  await page.waitForSelector("tr[data-key]");
  await page.waitForSelector("#live.live");
  expect(
    heard.every((line) => line.includes("401")),
    `console: ${heard.join("; ")}`,
  );
}

async function empty({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector(".empty code");
  expect(
    /clearml-task .*--queue gpu/.test(await text(page, ".empty code")),
    "no command is taught",
  );
}

async function foreign({ page, gateway, expect, heard }) {
  await page.goto(gateway.url);
  await page.waitForSelector("#live.live");
  const clean = heard.length === 0;
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.broken = 1";
    document.head.append(script);
  });
  expect(clean && !(await page.evaluate(() => window.broken)), "an inline script ran");
}

export async function stories(browser, fault) {
  const tell = (name, act, ...args) => story(browser, fault, name, args, act);
  await tell("a silent stream is amber and grey, then live again", silence);
  await tell("a gateway that is gone leaves its last picture, grey", gone);
  await tell("a server that is down says its sentence", serverDown);
  await tell("keyboard", keyboard);
  await tell("20,000 tasks", manyRows, "--tasks", "20000", "--still");
  await tell("kill names the tasks", kill, "--still");
  await tell("config: faults at lines, two people at once", conflict);
  await tell("wizard", setUp, "--setup");
  await tell("login", login, "--login");
  await tell("empty", empty, "--empty");
  await tell("no inline script runs", foreign, "--still");
}
