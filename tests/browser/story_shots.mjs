/* SPDX-License-Identifier: Apache-2.0
 * Every page of the living flock at two sizes, light and dark: accessible, inside its window,
 * and as a picture. */
import { join } from "node:path";
import { AXE, listen } from "./browser.mjs";

const SIZES = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
};
const GRAVE = new Set(["serious", "critical"]);

async function judge(page, name, expect) {
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.map((v) => ({
      id: v.id,
      impact: v.impact,
      nodes: v.nodes.slice(0, 3).map((n) => n.target.join(" ")),
    }));
  });
  for (const v of found)
    expect(!GRAVE.has(v.impact), `${name}: axe ${v.impact} ${v.id}: ${v.nodes.join(" | ")}`);
}

function places(rows, tasks) {
  const of = (phase) => rows.find((m) => m.phase === phase).instance;
  return {
    overview: "/",
    queues: "/queues",
    queue: "/queues/gpu",
    machines: "/machines",
    machine: `/machines/${of("idle")}`,
    "machine-booting": `/machines/${of("booting")}`,
    tasks: "/tasks",
    task: `/tasks/${tasks.cpu[1]}`,
    "task-waiting": `/tasks/${tasks.gpu[2]}`,
    activity: "/activity",
    costs: "/costs",
    actors: "/actors",
    config: "/config",
  };
}

async function open(page, url) {
  await page.goto(url);
  await page.waitForSelector("#live.live");
  await page.waitForFunction(() => document.querySelector("main h1"));
  await page.waitForLoadState("networkidle");
}

const drawn = (page) =>
  page.evaluate(
    () =>
      new Promise((done) => {
        requestAnimationFrame(() => requestAnimationFrame(done));
      }),
  );

async function picturesOf({ view, base, expect, out }, places) {
  for (const [name, path] of places) {
    await view.setViewportSize(SIZES.desktop);
    await open(view, base + path);
    await view.addScriptTag({ path: AXE });
    for (const [size, viewport] of Object.entries(SIZES)) {
      await view.setViewportSize(viewport);
      for (const colorScheme of ["light", "dark"]) {
        await view.emulateMedia({ colorScheme });
        await drawn(view);
        await view.screenshot({ path: join(out, `${name}-${size}-${colorScheme}.png`) });
        if ((size === "desktop") === (colorScheme === "light"))
          await judge(view, `${name} ${size} ${colorScheme}`, expect);
      }
      const wide = await view.evaluate(() => document.documentElement.scrollWidth);
      expect(wide <= viewport.width, `${name} ${size}: ${wide} pixels wide`);
    }
  }
}

export async function pictures({ browser, page, side, tasks, context, expect, out }) {
  const base = new URL(page.url()).origin;
  const all = Object.entries(places(await side.ask("rows"), tasks));
  /* bypassCSP: axe is put into the page from outside. */
  const second = await browser.newContext({
    storageState: await context.storageState(),
    bypassCSP: true,
    reducedMotion: "reduce",
  });
  const heard = [];
  /* Two at a time: most of it is waiting for a page to draw. */
  const half = async (n) => {
    const view = await second.newPage();
    const mine = listen(view);
    await picturesOf(
      { view, base, expect, out },
      all.filter((_, i) => i % 2 === n),
    );
    heard.push(...mine);
  };
  await Promise.all([half(0), half(1)]);
  heard.forEach((said) => expect(false, `pages of the flock: ${said}`));
  await second.close();
}
