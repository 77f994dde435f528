/* SPDX-License-Identifier: Apache-2.0
 * The browser of picture.py: it enters by the one-time link, watches the overview, and when it
 * is told so by a line on its standard input makes the pictures, light and dark.
 * node picture.mjs LINK DIR */
import { once } from "node:events";
import { join } from "node:path";
import { launch, listen } from "./browser.mjs";

const [link, out] = process.argv.slice(2);
const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
const heard = listen(page);
await page.goto(link);
await page.waitForSelector("#live.live");
await once(process.stdin, "data");
await page.waitForSelector(".chart canvas");
await page.waitForLoadState("networkidle");
await page.emulateMedia({ reducedMotion: "reduce" });
for (const [colorScheme, name] of [
  ["light", "dashboard.png"],
  ["dark", "dashboard-dark.png"],
]) {
  await page.emulateMedia({ colorScheme });
  await page.evaluate(
    () =>
      new Promise((done) => {
        requestAnimationFrame(() => requestAnimationFrame(done));
      }),
  );
  await page.screenshot({ path: join(out, name) });
}
await browser.close();
heard.forEach((text) => console.log(text));
process.exit(heard.length ? 1 : 0);
