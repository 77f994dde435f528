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
  const [mark, amber] = await page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.className = "mark s-waiting";
    return [document.querySelector("#live .mark"), probe].map((n) => getComputedStyle(n).color);
  });
  expect(mark === amber, `the mark of a lost stream is ${mark}, not amber`);
  expect(!/\bnow\b/.test(await text(page, ".legend")), "old numbers are said to be of now");
  await gateway.turn("speak");
  await page.waitForSelector("body:not(.stale) #live.live");
  await page.waitForFunction(() => !document.querySelector("#banners").textContent);
}

export async function gone({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector("#live.live");
  await page.waitForSelector(".strip .cell"); /* there is a picture to keep */
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
  const rate = await page.locator(".numbers .meter").first().locator("span").boundingBox();
  expect(rate.width < 1, `nothing an hour is a bar of ${rate.width} pixels`);
}

/* A phone shows the columns it has room for over its whole width, and every page's link. */
export async function phone({ page, gateway, expect }) {
  await page.setViewportSize({ width: 390, height: 844 });
  for (let i = 0; i < 60; i++) await gateway.turn("line");
  await page.goto(`${gateway.url}/activity`);
  await page.waitForSelector("tr.spacer:not([hidden])", { state: "attached" });
  const [table, what] = await page.evaluate(() =>
    ["table", "tr[data-key] th"].map((s) => document.querySelector(s).getBoundingClientRect()),
  );
  expect(table.right - what.right < 2, "the table leaves a part of its width empty");
  expect(what.width > 200, `what happened has ${Math.round(what.width)} pixels`);
  const links = await page
    .locator("#nav a")
    .evaluateAll(
      (all) => all.filter((a) => a.getBoundingClientRect().right <= innerWidth).length,
    );
  expect(links === 8, `${links} of 8 pages are in sight`);
}

/* How numbers are said: what is given, what people read. \u202f is the thin space. */
const SAID = {
  money: [
    [0, "$0.00"],
    [14_200_000, "$14.20"],
    [999_990_000, "$999.99"],
    [999_996_000, "$1\u202f000"],
    [1_204_118_000, "$1\u202f204"],
    [41_600, "$0.0416"],
    [50_000, "$0.05"],
    [3_125, "$0.0031"],
    [99_990, "$0.10"],
    [400, "$0.0004"],
    [49, "<$0.0001"],
    [-5_000_000, "−$5.00"],
  ],
  price: [
    [0, "price unknown"],
    [526_000, "$0.53\u202f/h"],
    [41_600, "$0.0416\u202f/h"],
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
  /* A line about a machine names it, and names it once. */
  for (const line of ["drains (idle)", "m1 drains (idle)"]) {
    const got = await page.evaluate(
      async (told) =>
        (await import("/feed.js"))
          .feedLine({ seq: 1, t_us: 1, machine: "m1", text: told })
          .querySelector(".text").textContent,
      line,
    );
    expect(got === "m1 drains (idle)", `“${line}” of m1 is “${got}”`);
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

/* A part of Drover was away: what it says of that time is on the page without a reload. */
export async function partAway({ page, gateway }) {
  await page.goto(`${gateway.url}/activity`);
  await page.waitForSelector("#live.live");
  await page.waitForLoadState("networkidle");
  await gateway.turn("away");
  await page.waitForFunction(() =>
    document.querySelector("#banners").innerText.includes("ledger is away"),
  );
  await page.waitForFunction(
    () => document.querySelector("#live.partly .words")?.textContent === "in part",
  );
  await gateway.turn("line");
  await gateway.turn("back");
  await page.waitForFunction(() => !document.querySelector("#banners").textContent);
  await page.waitForFunction(() =>
    document.querySelector("main").innerText.includes("behind the page's back"),
  );
  await page.waitForFunction(
    () => document.querySelector("#live:not(.partly) .words")?.textContent === "live",
  );
}

/* What can be told of the start of tasks, and what it rests on; else why nothing can. */
export async function whenTasksStart({ page, gateway, expect }) {
  await page.goto(`${gateway.url}/queues/gpu`);
  await page.waitForFunction(() =>
    /is a guess: .* the\s+median of the last \d+ tasks of gpu/.test(
      document.querySelector("main").innerText,
    ),
  );
  const cells = await page.locator("tr[data-key] td:nth-child(4)").allInnerTexts();
  expect(
    cells.some((cell) => /^~ in \d/.test(cell)),
    `no start is guessed: ${cells.slice(0, 4).join(", ")}`,
  );
  await fetch(`${gateway.url}/api/v1/pause`, {
    method: "POST",
    headers: { "X-Drover-Csrf": "c5rf" },
    body: JSON.stringify({ queue: "gpu", sentence: "the driver is renewed" }),
  });
  await page.reload();
  await page.waitForFunction(() =>
    [...document.querySelectorAll("tr[data-key] td:nth-child(4)")].some(
      (cell) => cell.innerText === "not while paused",
    ),
  );
}

export async function guesses({ page, gateway, expect }) {
  await page.goto(gateway.url);
  const MIN = 60e6;
  const run = (queue, length) => ({ queue, from_us: 1e9, to_us: 1e9 + length * MIN });
  const got = await page.evaluate(
    async ([known, tasks]) => (await import("/estimate.js")).starts(tasks, known),
    [
      {
        at: 1e12,
        queue: { name: "gpu" },
        all: [{ type: "a10", created_us: 1e9, up_us: 1e9 + 2 * MIN }],
        machines: [
          { id: "m1", phase: "running", type: "a10" },
          { id: "m2", phase: "running", type: "a10" },
          { id: "m3", phase: "waiting", type: "a10", created_us: 1e12 - MIN },
          { id: "m4", phase: "idle", type: "a10" },
        ],
        running: [
          { id: "t1", queue: "gpu", machine: "m1", from_us: 1e12 - 8 * MIN },
          { id: "t2", queue: "gpu", machine: "m2", from_us: 1e12 - 90 * MIN },
        ],
        ended: [run("gpu", 10), run("gpu", 12), run("gpu", 90), run("cpu", 1)],
      },
      [
        { id: "a", expected_us: 5 },
        { id: "b" },
        { id: "c" },
        { id: "d" },
        { id: "e" },
        { id: "f" },
        { id: "g", verdict: "no-type", sentence: "no type fits" },
      ],
    ],
  );
  const us = got.map((g) => g.us && (g.us === 5 ? 5 : (g.us - 1e12) / MIN));
  expect(
    JSON.stringify(us) === JSON.stringify([5, 0, 1, 4, 0, 0, 0]),
    `starts in minutes: ${us.join(" ")}`,
  );
  expect(
    /longer than the usual 12m/.test(got[4].basis),
    `a task that is late: ${got[4].basis}`,
  );
  expect(/more tasks wait/.test(got[5].basis), `one too many: ${got[5].basis}`);
  expect(got[6].word === "needs a person", `no type: ${got[6].word}`);
}

/* Money that did no work stands apart; what has no price is never 0. */
export async function waste({ page, gateway, expect }) {
  await page.goto(`${gateway.url}/costs?by=project`);
  await page.waitForSelector("tr[data-key]");
  const where = await text(page, ".where");
  expect(
    /while booting/.test(where) && /while idle/.test(where) && /%/.test(where),
    `what it was paid for: ${where}`,
  );
  expect(/\$3\.21\s*of machines that never ran a task/.test(where), `the rest: ${where}`);
  const state = await (await fetch(`${gateway.url}/api/v1/state`)).json();
  const unpriced = state.machines.find((m) => !m.price_usd_micros && m.instance_id);
  await page.goto(`${gateway.url}/machines/${unpriced.id}`);
  await page.waitForSelector(".life .big");
  const box = await text(page, ".life > :last-child");
  expect(/price unknown/.test(box) && !/\$0/.test(box), `a machine without a price: ${box}`);
}

export async function rates({ page, gateway }) {
  await page.goto(`${gateway.url}/actors`);
  await page.waitForFunction(
    () => /\d \/s/.test(document.querySelector("main")?.innerText) || null,
    null,
    { timeout: 20000 },
  );
}

export async function saved({ page, gateway, expect }) {
  await gateway.turn("line");
  await page.goto(`${gateway.url}/activity?q=behind&level=info`);
  await page.waitForSelector("tr[data-key]");
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download" }).click(),
  ]);
  expect(file.suggestedFilename() === "activity.ndjson", file.suggestedFilename());
  expect(
    file.url().includes("text=behind") && file.url().includes("level=info"),
    `what is downloaded is not what is filtered: ${file.url()}`,
  );
}

/* The reason that is said first is that of what will not start; in it people find their own clock
 * and the names of their tasks. */
export async function reason({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector("#live.live");
  const { machines } = await (await fetch(`${gateway.url}/api/v1/state`)).json();
  const [task] = machines.find((m) => m.phase === "running").tasks;
  await gateway.turn("stuck");
  await page.waitForFunction(() =>
    /cpu: .* is at its cap/.test(document.querySelector(".numbers").innerText),
  );
  for (const selector of [".numbers .first", ".queuebox", ".feed li"]) {
    const words = await text(page, selector);
    expect(words.includes(task.name), `${selector} names no task: ${words}`);
    expect(!words.includes(task.id) && !/UTC/.test(words), `${selector}: ${words}`);
  }
}
