/* SPDX-License-Identifier: Apache-2.0
 * The pages against the made-up gateway: accessible, quiet in the console, inside their window,
 * light, and honest about old numbers. Ends 1 on any fault.
 * node pages.mjs [--only NAME,…] [--story NAME,…] */
import { parseArgs } from "node:util";
import { AXE, fake, launch, listen, pages } from "./browser.mjs";
import { stories } from "./stories.mjs";

const { values: options } = parseArgs({
  options: { only: { type: "string" }, story: { type: "string" } },
});
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const WEIGHT = 200 * 1000;
const GRAVE = new Set(["serious", "critical"]);
const faults = [];

function fault(text) {
  faults.push(text);
  console.log(`FAULT ${text}`);
}

/* Chromium drops what it is loading when any interface of the host comes or goes, as other tests
 * make them do: then the page is asked for again. */
const DROPPED = /ERR_NETWORK_CHANGED/;

async function open(context, url, path) {
  const page = await context.newPage();
  const heard = listen(page);
  await page.goto(url + path);
  await settled(page);
  for (let i = 0; i < 3 && heard.some((text) => DROPPED.test(text)); i++) {
    heard.length = 0;
    await page.reload();
    await settled(page);
  }
  return { page, heard };
}

/* Live, and all that the page asked for is drawn. */
async function settled(page) {
  await page.waitForFunction(
    () =>
      document.getElementById("live").classList.contains("live") &&
      document.querySelector("#live .words").textContent === "live",
  );
  await page.waitForLoadState("networkidle");
  await page.evaluate(
    () =>
      new Promise((done) => {
        requestAnimationFrame(() => requestAnimationFrame(done));
      }),
  );
}

async function judge(page, name) {
  await page.addScriptTag({ path: AXE }).catch(() => null);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.map((v) => ({
      id: v.id,
      impact: v.impact,
      nodes: v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${n.failureSummary}`),
    }));
  });
  for (const v of found) {
    if (GRAVE.has(v.impact)) fault(`${name}: axe ${v.impact} ${v.id}: ${v.nodes.join(" | ")}`);
    else console.log(`note ${name}: axe ${v.impact} ${v.id}`);
  }
}

async function eachPage(browser, gateway) {
  const all = await pages(gateway.url);
  const names = options.only ? options.only.split(",").filter((n) => all[n]) : Object.keys(all);
  for (const [viewport, colorScheme] of [
    [DESKTOP, "light"],
    [PHONE, "dark"],
    [DESKTOP, "dark"],
  ]) {
    /* bypassCSP: axe is put into the page from outside; stories.mjs looks at the policy itself. */
    const context = await browser.newContext({
      viewport,
      colorScheme,
      bypassCSP: true,
      reducedMotion: "reduce",
    });
    for (const path of names) {
      const name = `${path} ${viewport.width} ${colorScheme}`;
      const { page, heard } = await open(context, gateway.url, all[path]);
      await judge(page, name);
      const size = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth,
        high: document.documentElement.scrollHeight,
      }));
      if (size.wide > viewport.width) fault(`${name}: ${size.wide} pixels wide`);
      if (path === "overview" && viewport === DESKTOP && size.high > viewport.height) {
        fault(`${name}: scrolls, ${size.high} pixels high`);
      }
      heard.forEach((text) => fault(`${name}: ${text}`));
      await page.close();
    }
    await context.close();
  }
}

/* What comes over the wire until the first screen of a large flock is there. */
async function weigh(browser) {
  const gateway = await fake(
    "--machines",
    "1000",
    "--queues",
    "200",
    "--tasks",
    "2000",
    "--still",
  );
  const context = await browser.newContext({ viewport: DESKTOP });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  let bytes = 0;
  const kinds = new Map();
  await cdp.send("Network.enable");
  cdp.on("Network.responseReceived", ({ requestId, response }) =>
    kinds.set(requestId, response.url),
  );
  cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (!String(kinds.get(requestId)).includes("/events")) bytes += encodedDataLength;
  });
  await page.goto(gateway.url);
  await page.waitForFunction(
    () =>
      document.querySelectorAll(".strip .cell").length > 800 &&
      document.querySelector(".chart canvas"),
  );
  const paint = await page.evaluate(
    () =>
      performance
        .getEntriesByName("first-contentful-paint")
        .map((entry) => Math.round(entry.startTime))[0],
  );
  console.log(
    `first screen with 1,000 machines: ${bytes} bytes, first paint after ${paint} ms`,
  );
  if (bytes > WEIGHT) fault(`first screen weighs ${bytes} bytes; at most ${WEIGHT}`);
  await context.close();
  gateway.stop();
}

const browser = await launch();
const gateway = await fake();
try {
  if (options.story) await stories(browser, fault, options.story.split(","));
  else await eachPage(browser, gateway);
  if (!options.only && !options.story) {
    await weigh(browser);
    await stories(browser, fault);
  }
} catch (error) {
  fault(`the test itself: ${error.stack}`);
}
await browser.close();
gateway.stop();
console.log(`browser: ${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
