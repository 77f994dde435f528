/* SPDX-License-Identifier: Apache-2.0
 * The whole story in a browser: a person types `drover up` on a host that has no configuration,
 * answers the wizard, and the same page goes on until the machines are gone. Server, agents and SDK
 * are real; what the page shows is at each step what the server and the command line say, and once
 * Drover runs the page is never loaded again.
 * node story.mjs [--shots DIR] */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT, launch, listen } from "./browser.mjs";
import { configures, costs, drains, kills } from "./story_acts.mjs";
import { begins, emptyState, timings } from "./story_begin.mjs";
import { dies, leaves } from "./story_end.mjs";
import { bootsAndRuns, idlesAndIsKept, resumes, waitsAndBoots } from "./story_life.mjs";
import { world } from "./story_page.mjs";
import { pictures } from "./story_shots.mjs";

const { values: options } = parseArgs({ options: { shots: { type: "string" } } });
const SHOTS = options.shots || process.env.DROVER_SHOTS || join(ROOT, "build/shots-story");
const VIEW = { viewport: { width: 1280, height: 800 }, colorScheme: "light" };
const faults = [];

function expect(truth, what) {
  if (truth) return;
  faults.push(what);
  console.log(`FAULT ${what}`);
}

async function act(scene) {
  const { page, heard } = scene;
  await begins(scene);
  await page.evaluate(() => {
    window.loadedOnce = true;
  });
  await emptyState(scene);
  await timings(scene);
  await waitsAndBoots(scene);
  await bootsAndRuns(scene);
  const idle = await idlesAndIsKept(scene);
  await resumes(scene);
  await pictures({ ...scene, out: SHOTS });
  const left = await drains(scene);
  await kills(scene, left);
  await configures(scene);
  await costs(scene);
  await dies(scene, left.name);
  await leaves(scene, idle);
  expect(await page.evaluate(() => window.loadedOnce), "the page was loaded anew");
  heard.forEach((said) => expect(false, `console: ${said}`));
}

async function tell() {
  mkdirSync(SHOTS, { recursive: true });
  const side = await world();
  const browser = await launch();
  const context = await browser.newContext(VIEW);
  const page = await context.newPage();
  page.setDefaultTimeout(60000);
  const shot = (name) => page.screenshot({ path: join(SHOTS, `${name}.png`) });
  const heard = listen(page);
  const scene = { browser, context, view: VIEW, page, side, expect, heard, shot, tasks: {} };
  try {
    await act(scene);
  } catch (error) {
    expect(false, error.stack);
    await shot("failed").catch(() => null);
  }
  if (faults.length) console.log(await side.ask("said").catch(String));
  await browser.close();
  await side.end();
}

await tell();
console.log(`story: ${faults.length} faults; pictures in ${SHOTS}`);
process.exit(faults.length ? 1 : 0);
