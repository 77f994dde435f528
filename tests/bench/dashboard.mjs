/* SPDX-License-Identifier: Apache-2.0
 * The browser of dashboard.py: loads a page several times, then keeps it open and tells when what
 * it is asked for stands there; or scrolls a long table. One JSON line each way.
 * node dashboard.mjs URL COOKIE FLOOR-URL LOADS [SCROLLS] */
import { createInterface } from "node:readline";
import { launch } from "../browser/browser.mjs";

const [url, cookie, floorUrl, loads, scrolls] = process.argv.slice(2);
const VIEW = { viewport: { width: 1280, height: 800 } };
const tell = (what) => console.log(JSON.stringify(what));
const browser = await launch();

async function open(address, isThere) {
  const context = await browser.newContext(VIEW);
  const [name, value] = cookie.split("=");
  await context.addCookies([{ name, value, url }]);
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  const urls = new Map();
  const seen = { bytes: 0, faults: [] };
  await cdp.send("Network.enable");
  cdp.on("Network.responseReceived", ({ requestId, response }) =>
    urls.set(requestId, response.url),
  );
  cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (!String(urls.get(requestId)).includes("/events")) seen.bytes += encodedDataLength;
  });
  page.on("console", (message) => {
    if (message.type() === "error") seen.faults.push(message.text());
  });
  const began = performance.now();
  await page.goto(address);
  await page.waitForFunction(isThere);
  const whole = performance.now() - began;
  await page.waitForLoadState("networkidle");
  const paint = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint").map((e) => e.startTime)[0],
  );
  return { context, page, cdp, figures: { paint, whole, ...seen } };
}

const FLOCK = () =>
  document.querySelectorAll(".strip .cell").length > 900 &&
  document.querySelector("#live.live") &&
  document.querySelectorAll(".feedbox li").length > 0;
const EMPTY = () => document.querySelector("p");

/* What the page's own thread spends on script, styles and layout for each scroll event (its CPU
 * time: the host has other work), and from the event until its frame is drawn. */
const WORK = ["ScriptDuration", "RecalcStyleDuration", "LayoutDuration"];
const WHEEL = 120;
const PAGE = 700;

const scrolled = ([selector, pixels]) =>
  new Promise((done) => {
    const node = document.querySelector(selector);
    const began = performance.now();
    node.scrollTop += pixels;
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        const frame = performance.now() - began;
        requestAnimationFrame(() => done(frame));
      };
      port2.postMessage(0);
    });
  });

async function scroller(address, isThere, selector) {
  const { context, page, cdp } = await open(address, isThere);
  await cdp.send("Performance.setTimeDomain", { timeDomain: "threadTicks" });
  await cdp.send("Performance.enable");
  const spent = async () => {
    const { metrics } = await cdp.send("Performance.getMetrics");
    return metrics.filter((m) => WORK.includes(m.name)).reduce((sum, m) => sum + m.value, 0);
  };
  const by = async (pixels) => {
    const before = await spent();
    const frame = await page.evaluate(scrolled, [selector, pixels]);
    return { work: (await spent()) - before, frame: frame / 1000 };
  };
  for (let i = 0; i < 20; i++) await by(PAGE);
  return { by, end: () => context.close() };
}

const ROWS = () =>
  Number(document.querySelector("table")?.getAttribute("aria-rowcount")) > 9000;
if (Number(scrolls)) {
  const both = {
    ours: await scroller(`${url}/machines`, ROWS, ".scroll.fill"),
    floor: await scroller(`${floorUrl}long`, EMPTY, "html"),
  };
  const moved = { wheel: { ours: [], floor: [] }, page: { ours: [], floor: [] } };
  for (const [name, pixels] of [
    ["wheel", WHEEL],
    ["page", PAGE],
  ]) {
    for (let i = 0; i < Number(scrolls); i++) {
      for (const [who, one] of Object.entries(both)) moved[name][who].push(await one.by(pixels));
    }
  }
  await both.ours.end();
  await both.floor.end();
  tell({ scrolls: moved });
  await browser.close();
  process.exit(0);
}

/* By turns, each time with a cache that has nothing. */
const seen = { ours: [], floor: [] };
for (let i = 0; i < Number(loads); i++) {
  for (const [name, address, isThere] of [
    ["ours", url, FLOCK],
    ["floor", floorUrl, EMPTY],
  ]) {
    const { context, figures } = await open(address, isThere);
    seen[name].push(figures);
    await context.close();
  }
}
tell({ loads: seen });

const pages = {
  ours: (await open(url, FLOCK)).page,
  floor: (await open(floorUrl, EMPTY)).page,
};
/* What is asked for, looked for at every change; the moment is that of the frame that shows it. */
for (const page of Object.values(pages)) {
  await page.evaluate(() => {
    const look = () => {
      const ask = window.asked;
      const node = ask && document.querySelector(ask.selector);
      if (!node || !`${node.textContent} ${node.className}`.includes(ask.text)) return;
      window.asked = null;
      requestAnimationFrame(() => {
        ask.done(performance.timeOrigin + performance.now());
      });
    };
    window.await = (selector, text) =>
      new Promise((done) => {
        window.asked = { selector, text, done };
        look();
      });
    new MutationObserver(look).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });
  });
}
for await (const line of createInterface({ input: process.stdin })) {
  const { page, selector, text } = JSON.parse(line);
  const found = pages[page].evaluate(([s, t]) => window.await(s, t), [selector, text]);
  tell({ ready: true }); /* the page has the question before what comes next: one line of calls */
  tell({ at: await found });
}
await browser.close();
