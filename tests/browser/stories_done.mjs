/* SPDX-License-Identifier: Apache-2.0
 * What a person does. */
import { samples } from "./browser.mjs";

const text = (page, selector) => page.locator(selector).first().innerText();

export async function kill({ page, gateway, expect }) {
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

export async function conflict({ page, gateway, expect }) {
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
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("button", { name: "Close" }).click();
  await page.waitForSelector("dialog", { state: "detached" });
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

export async function setUp({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForURL(/\/wizard/);
  const next = () => page.getByRole("button", { name: "Next", exact: true }).click();
  const heading = (word) =>
    page.waitForFunction((w) => document.querySelector("main h2")?.innerText === w, word);
  await heading("ClearML server");
  await page.getByLabel(/^API server( ·|$)/).fill("nowhere");
  await page.getByLabel(/^API server( ·|$)/).blur();
  await page.waitForSelector(".fault:not([hidden])");
  await page.getByLabel(/^API server( ·|$)/).fill("https://api.clear.ml");
  await page.waitForSelector(".fault:not([hidden])", { state: "detached" }).catch(() => null);
  /* Next tries the pair, which nobody tested; a second Next goes on without a good one. */
  const mark = (word) => page.locator(".steps li", { hasText: word }).locator(".mark").innerText();
  await next();
  await page.waitForSelector(".faults .s-failed");
  expect((await mark("ClearML server")) === "△", "a refused pair has a good mark");
  expect(await page.getByLabel("access key").isVisible(), "Next went on with a refused pair");
  await next();
  await heading("Cloud");
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByLabel("access key").fill("AK");
  await page.getByLabel("secret key").fill("SK");
  await next();
  await heading("Cloud");
  /* A pair that Next tried has the good mark. */
  await page.locator(".steps li", { hasText: /ClearML server/ }).getByText("●").waitFor();
  await page.getByLabel("Region").fill("eu-west-1");
  await page.locator(".steps button", { hasText: "Code access" }).click();
  await heading("Code access");
  expect((await mark("Cloud")) === "○", "an account that nobody tried has a good mark");
  await next();
  await heading("Machine types");
  await page.getByLabel("Size").fill("g5.xlarge");
  await page.waitForFunction(() =>
    /\$2|2\.01/.test(document.querySelector(".aside .big").innerText),
  );
  await page.getByRole("button", { name: "Add another machine type" }).click();
  await next();
  await heading("Queues");
  await next();
  await heading("Limits");
  expect((await mark("Queues")) === "○", "no queue is served, and the mark is good");
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByLabel("gpu", { exact: true }).check();
  await page.getByLabel("A new queue").fill("night");
  await page.getByRole("button", { name: "Create it at launch" }).click();
  await page.getByRole("button", { name: "Back" }).click();
  await heading("Machine types");
  expect(
    (await page.getByLabel("Size").first().inputValue()) === "g5.xlarge",
    "back lost input",
  );
  await page.locator(".steps button", { hasText: "Limits" }).click();
  await heading("Limits");
  expect((await mark("Queues")) === "●", "queues were chosen");
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

export async function login({ page, gateway, expect, heard }) {
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

export async function viewer({ page, gateway, expect }) {
  const { machine } = await samples(gateway.url);
  await page.goto(`${gateway.url}/machines/${machine}`);
  expect(await page.getByRole("button", { name: /^Kill/ }).isDisabled(), "a viewer may kill");
  await page.goto(`${gateway.url}/config`);
  await page.waitForFunction(() =>
    document.querySelector(".paper textarea")?.value.includes("deployment"),
  );
  expect(
    await page.locator(".paper textarea").evaluate((area) => area.readOnly),
    "a viewer may write",
  );
}
