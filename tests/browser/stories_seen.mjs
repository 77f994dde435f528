/* SPDX-License-Identifier: Apache-2.0
 * What a person sees. */
import { samples } from "./browser.mjs";

const text = (page, selector) => page.locator(selector).first().innerText();

export async function silence({ page, gateway, expect }) {
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

export async function gone({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector("#live.live");
  gateway.stop();
  await page.waitForSelector("body.stale #live.lost");
  expect((await page.locator(".strip .cell").count()) > 0, "the last picture is gone");
}

export async function serverDown({ page, gateway, expect }) {
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

export async function keyboard({ page, gateway, expect }) {
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

export async function manyRows({ page, gateway, expect }) {
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

export async function empty({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector(".empty code");
  expect(
    /clearml-task .*--queue gpu/.test(await text(page, ".empty code")),
    "no command is taught",
  );
}

/* How numbers are said: what is given, what people read. \u202f is the thin space. */
const SAID = {
  money: [
    [0, "$0.00"],
    [14_200_000, "$14.20"],
    [999_990_000, "$999.99"],
    [999_996_000, "$1\u202f000"],
    [1_204_118_000, "$1\u202f204"],
    [400, "<$0.01"],
    [-5_000_000, "−$5.00"],
  ],
  price: [
    [0, "price unknown"],
    [526_000, "$0.53\u202f/h"],
  ],
  limit: [
    [200_000_000, "$200"],
    [500_000, "$0.50"],
    [4_000_000_000, "$4\u202f000"],
  ],
  span: [
    [0, "0s"],
    [59_499, "59s"],
    [370_000, "6m 10s"],
    [3_600_000, "1h"],
    [93_600_000, "1d 2h"],
  ],
  count: [
    [999, "999"],
    [20000, "20\u202f000"],
    [1234567, "1\u202f234\u202f567"],
  ],
};

export async function words({ page, gateway, expect }) {
  await page.goto(gateway.url);
  for (const [name, cases] of Object.entries(SAID)) {
    for (const [given, wanted] of cases) {
      const got = await page.evaluate(
        async ([n, value]) => (await import("/words.js"))[n](value),
        [name, given],
      );
      expect(got === wanted, `${name}(${given}) is “${got}”, not “${wanted}”`);
    }
  }
}

/* Whatever people call a task, it is a text. */
export async function markup({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector("#live.live");
  await gateway.turn("markup");
  await page.waitForFunction(() => document.querySelector(".feed").innerText.includes("<img"));
  const { machine, task } = await samples(gateway.url);
  for (const path of [
    "/",
    "/queues",
    "/queues/gpu",
    "/machines",
    "/tasks",
    "/costs?by=task",
    "/activity",
    `/machines/${machine}`,
    `/tasks/${task}`,
  ]) {
    await page.goto(gateway.url + path);
    await page.waitForFunction(() => document.querySelector("main").innerText.includes("<img"));
    expect(!(await page.locator("main img").count()), `markup on ${path}`);
  }
  expect(!(await page.evaluate(() => window.broken)), "a name ran");
}

export async function foreign({ page, gateway, expect, heard }) {
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
