/* SPDX-License-Identifier: Apache-2.0
 * Pictures of every page at two sizes, light and dark: node shots.mjs [--out DIR] [--only NAME,…]
 * [--sight] [--url URL] [--size desktop|phone] [--scheme light|dark] */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT, fake, launch, listen, pages } from "./browser.mjs";

const { values: options } = parseArgs({
  options: {
    out: { type: "string" },
    only: { type: "string" },
    url: { type: "string" },
    sight: { type: "boolean" },
    size: { type: "string" },
    scheme: { type: "string" },
  },
});
const out = options.out || join(ROOT, "build/shots");
mkdirSync(out, { recursive: true });

const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const SIGHTS = ["protanopia", "deuteranopia", "tritanopia"];

const gateway = options.url ? { url: options.url, stop() {} } : await fake();
const browser = await launch();
const all = await pages(gateway.url);
const names = options.only ? options.only.split(",") : Object.keys(all);
let faults = 0;

for (const [size, viewport] of Object.entries(SIZES)) {
  if (options.size && options.size !== size) continue;
  for (const colorScheme of ["light", "dark"]) {
    if (options.scheme && options.scheme !== colorScheme) continue;
    const context = await browser.newContext({ viewport, colorScheme });
    for (const name of names) {
      const page = await context.newPage();
      const heard = listen(page);
      await page.goto(gateway.url + all[name]);
      await page.waitForFunction(() => document.querySelector("main h1"));
      await page.waitForTimeout(1300); /* a picture, not an assertion: two ticks of life */
      await page.screenshot({ path: join(out, `${name}-${size}-${colorScheme}.png`) });
      if (options.sight && size === "desktop") {
        const cdp = await context.newCDPSession(page);
        for (const type of SIGHTS) {
          await cdp.send("Emulation.setEmulatedVisionDeficiency", { type });
          await page.screenshot({ path: join(out, `${name}-${type}-${colorScheme}.png`) });
        }
      }
      for (const text of heard) console.log(`${name} ${size} ${colorScheme}: ${text}`);
      faults += heard.length;
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
gateway.stop();
console.log(`shots: ${out}, ${faults} errors in the console`);
process.exit(faults ? 1 : 0);
