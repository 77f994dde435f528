/* SPDX-License-Identifier: Apache-2.0
 * The browser of dashboard.py: loads a page several times, then keeps it open and tells when what
 * it is asked for stands there. One JSON line each way.
 * node dashboard.mjs URL COOKIE FLOOR-URL LOADS */
import { createInterface } from "node:readline";
import { launch } from "../browser/browser.mjs";

const [url, cookie, floorUrl, loads] = process.argv.slice(2);
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
  return { context, page, figures: { paint, whole, ...seen } };
}

const FLOCK = () =>
  document.querySelectorAll(".strip .cell").length > 900 &&
  document.querySelector("#live.live") &&
  document.querySelectorAll(".feedbox li").length > 0;
const EMPTY = () => document.querySelector("p");

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
