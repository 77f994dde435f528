/* SPDX-License-Identifier: Apache-2.0
 * From a host without a configuration to a task that ran, in a browser: the wizard, its tests of
 * what was typed, the launch, and the dashboard that comes up in its place.
 * node story_wizard.mjs [--shots DIR] */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT, launch, listen } from "./browser.mjs";
import { eventually, world } from "./story_page.mjs";

const { values: options } = parseArgs({ options: { shots: { type: "string" } } });
const SHOTS = options.shots || join(ROOT, "build/shots-story");
const faults = [];

function expect(truth, what) {
  if (truth) return;
  faults.push(what);
  console.log(`FAULT ${what}`);
}

const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
const heading = (page, word) =>
  page.waitForFunction((w) => document.querySelector("main h2")?.innerText === w, word);
const shot = (page, name) => page.screenshot({ path: join(SHOTS, `wizard-${name}.png`) });

async function findings(page, button) {
  await page.getByRole("button", { name: button }).click();
  await page.waitForSelector("main .faults li", { timeout: 90000 });
  return page.locator("main .faults").first().innerText();
}

async function answers(page, host) {
  await page.getByLabel(/^Name of this Drover/).fill("first");
  await page.getByLabel(/^API server( ·|$)/).fill(host.api);
  await page.getByLabel("Files server", { exact: true }).fill(host.files);
  await page.getByLabel("access key").fill(host.access);
  await page.getByLabel("secret key").fill("not the secret");
  const refused = await findings(page, /^Test the ClearML/);
  expect(!/key pair[^]*takes the pair/.test(refused), `a wrong key is taken: ${refused}`);
  await page.getByLabel("secret key").fill(host.secret);
  await page.getByRole("button", { name: /^Test the ClearML/ }).click();
  await page.waitForFunction(() =>
    /takes the pair/.test(document.querySelector("main .faults")?.innerText),
  );
  await shot(page, "server");
  await press(page, "Next");
  await heading(page, "Cloud");
  await page.getByLabel(/^Cloud/).selectOption("local");
  await page.getByLabel(/^Name/).fill("here");
  const python = page.getByLabel("Python of the agent");
  await python.evaluate((node) => {
    node.closest("details").open = true;
  });
  await python.fill(host.python);
  await shot(page, "cloud");
  await press(page, "Next");
  await heading(page, "Code access");
  await press(page, "Next");
  await heading(page, "Machine types");
  await page.getByLabel(/^Name/).fill("small");
  await page.getByLabel(/^Account/).selectOption("here");
  await shot(page, "types");
  await press(page, "Next");
  await heading(page, "Queues");
  await page.getByLabel("A new queue").fill("mine");
  await press(page, "Create it at launch");
  await shot(page, "queues");
  await page.locator(".steps button", { hasText: "Launch" }).click();
  await heading(page, "Summary");
  await page.waitForFunction(() => /mine/.test(document.querySelector(".aside pre").innerText));
  await shot(page, "summary");
}

async function tell(page, side) {
  const host = await side.ask("answers");
  await page.goto(side.link);
  await page.waitForURL(/wizard/);
  await heading(page, "ClearML server");
  await answers(page, host);
  await press(page, "Launch…");
  await press(page, "Launch Drover");
  /* The wizard's gateway ends, the real one takes its place; the page goes there by itself. */
  await page.waitForURL((url) => url.pathname === "/", { timeout: 90000 });
  await page.waitForSelector("#live.live");
  await page.waitForSelector(".empty code");
  const yaml = await side.ask("written");
  expect(yaml.includes("mine") && !yaml.includes(host.secret), `drover.yaml: ${yaml}`);
  const task = await side.ask("enqueue_first", "mine");
  await page.waitForSelector(".strip .cell");
  await eventually(
    "the first task has run",
    async () => (await side.ask("status", [task]))[task] === "completed",
  );
  await shot(page, "first-task");
}

mkdirSync(SHOTS, { recursive: true });
const side = await world("story_setup.py");
const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
const page = await context.newPage();
page.setDefaultTimeout(30000);
const heard = listen(page);
try {
  await tell(page, side);
  /* While one gateway goes and the next comes the browser says aloud that nobody answers. */
  heard
    .filter((said) => !/ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE|503/.test(said))
    .forEach((said) => expect(false, `console: ${said}`));
} catch (error) {
  expect(false, error.stack);
  await shot(page, "failed").catch(() => null);
}
await browser.close();
await side.end();
console.log(`the wizard's story: ${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
