/* SPDX-License-Identifier: Apache-2.0
 * The last chapter: the gateway falls silent, dies and comes back; then every machine goes. */
import { agree, eventually, overview, shown, text, visitMachine } from "./story_page.mjs";

/* Every picture that the page showed while the gateway was silent or away, with its mark. */
const WATCH = () => {
  window.seen = [];
  const look = () =>
    window.seen.push({
      live: document.querySelector("#live").classList.contains("live"),
      stale: document.body.classList.contains("stale"),
      idle: document.querySelector(".numbers .s-idle .big").textContent,
    });
  window.watch = new MutationObserver(look);
  window.watch.observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["class"],
  });
};

export async function dies({ page, side, expect, heard }, name) {
  await overview(page);
  const before = await agree(
    page,
    side,
    "before the gateway dies",
    (t) => t.counts.running === 3 && !t.counts.waiting,
  );
  const clean = heard.length;
  await page.evaluate(WATCH);
  await side.ask("silence_gateway");
  await side.ask("open_gate", name);
  await page.waitForSelector("body.stale #live.lost");
  expect(/old/.test(await text(page, "#live")), "no age beside the amber mark");
  expect(/silent since/.test(await text(page, "#banners")), "no banner says since when");
  await eventually(
    "the task ends behind the page's back",
    async () => (await side.ask("truth")).counts.running < before.counts.running,
  );
  const old = await shown(page);
  expect(old.live.includes("lost"), "an old picture is shown as live");
  expect(old.counts.running === before.counts.running, "the last picture is gone");
  await page.evaluate(() => {
    window.seen.length = 0;
  });
  await side.ask("kill_gateway");
  await page.waitForSelector("body:not(.stale) #live.live");
  await agree(page, side, "the gateway is back");
  const lies = await page.evaluate((idle) => {
    window.watch.disconnect();
    return window.seen.filter((s) => s.live && !s.stale && s.idle === idle).length;
  }, String(before.counts.idle));
  expect(!lies, `${lies} times an old number was shown as live`);
  heard.splice(clean); /* a browser says aloud that a server is away */
}

export async function leaves({ page, side }, idle) {
  for (const name of ["segment-brain", "segment-heart"]) await side.ask("open_gate", name);
  await visitMachine(page, idle);
  await page.getByRole("button", { name: "Keep no longer" }).click();
  await page.getByRole("button", { name: "Keep…" }).waitFor();
  await overview(page);
  await agree(
    page,
    side,
    "all are gone",
    (t) => !t.counts.running && !t.counts.idle && !t.counts.booting && !t.counts.draining,
  );
  await page.waitForSelector(".empty code");
}
