/* SPDX-License-Identifier: Apache-2.0
 * The whole story of a flock in a browser, against a gateway, agents and an SDK that are real: what
 * the page shows is at each step what the server and the command line say, without a reload.
 * node story.mjs [--shots DIR] */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT, launch, listen } from "./browser.mjs";
import { pictures } from "./story_shots.mjs";
import { agree, eventually, shown, world } from "./story_page.mjs";

const { values: options } = parseArgs({ options: { shots: { type: "string" } } });
const SHOTS = options.shots || process.env.DROVER_SHOTS || join(ROOT, "build/shots-story");
const VIEW = { viewport: { width: 1280, height: 800 }, colorScheme: "light" };
const faults = [];

function expect(truth, what) {
  if (truth) return;
  faults.push(what);
  console.log(`FAULT ${what}`);
}

const text = (page, selector) => page.locator(selector).first().innerText();
const at = async (page, path, selector) => {
  await page.goto(new URL(path, page.url()).href);
  await page.waitForSelector(`#live.live`);
  await page.waitForSelector(selector);
};
/* By the page's own links: nothing is loaded anew. */
const click = (page, word) => page.locator("#nav a", { hasText: word }).click();
const overview = async (page) => {
  await click(page, "Overview");
  await page.waitForSelector(".queuebox tbody tr");
};

async function enter(browser, side, page) {
  await page.goto(side.link);
  await page.waitForSelector("#live.live");
  expect(new URL(page.url()).pathname === "/", `the link leads to ${page.url()}`);
  const other = await browser.newContext(VIEW);
  const stranger = await other.newPage();
  await stranger.goto(side.link);
  await stranger.waitForURL(/login/);
  await other.close();
}

async function emptyState({ page, side }) {
  await page.waitForSelector(".empty code");
  expect(
    /clearml-task .*--queue cpu/.test(await text(page, ".empty code")),
    "no command is taught",
  );
  await agree(page, side, "nothing yet", (t) => t.counts.running === 0);
}

async function waitsAndBoots({ page, side, tasks }) {
  await at(page, "/queues/gpu", ".title .acts button");
  await page.getByRole("button", { name: "Pause gpu…" }).click();
  await page.getByLabel(/^Why/).fill("the driver is renewed");
  await page.getByRole("button", { name: "Pause gpu", exact: true }).click();
  await page.waitForSelector("dialog", { state: "detached" });
  await page.getByRole("button", { name: "Resume gpu" }).waitFor();
  await overview(page);
  tasks.gpu = await side.ask("sdk_enqueue", "gpu", ["segment-lungs"]);
  tasks.cpu = await side.ask("sdk_enqueue", "cpu", ["resize", "train-a", "train-b"]);
  await agree(
    page,
    side,
    "one waits at a pause, three for machines that boot",
    (t) => t.counts.booting === 3 && t.queues.gpu.waiting === 1,
  );
  expect(
    /the driver is renewed/.test(await text(page, ".queuebox")),
    "the queue does not say why it is paused",
  );
  await at(page, `/tasks/${tasks.gpu[0]}`, ".lead");
  await page.waitForFunction(() =>
    /paused/.test(document.querySelector(".lead").textContent),
  );
}

async function bootsAndRuns({ page, side }) {
  const booting = (await side.ask("rows")).find((m) => m.phase === "booting" && m.instance);
  await at(page, `/machines/${booting.instance}`, ".band");
  const parts = () =>
    page.evaluate(() => document.querySelector(".log").textContent.split("unpacking").length);
  await eventually("the boot log on the page", async () => (await parts()) > 2);
  const before = await parts();
  await eventually("the boot log grows", async () => (await parts()) > before);
  await overview(page);
  await side.ask("open_gate", "cpu-8");
  await agree(page, side, "three run", (t) => t.queues.cpu.running === 3);
}

async function idlesAndIsKept({ page, side }) {
  await side.ask("open_gate", "resize");
  await agree(page, side, "one is idle", (t) => t.counts.idle === 1);
  const idle = (await side.ask("rows")).find((m) => m.phase === "idle");
  await page.locator(`.strip [data-id="${idle.id}"]`).click();
  await page.getByRole("button", { name: "Keep…" }).click();
  await page.getByRole("button", { name: `Keep ${idle.instance}` }).click();
  await page.getByRole("button", { name: "Keep no longer" }).waitFor();
  return idle;
}

async function resumes({ page, side, tasks }) {
  await at(page, "/queues/gpu", ".title .acts button");
  await page.getByRole("button", { name: "Resume gpu" }).click();
  await side.ask("open_gate", "gpu-a10");
  await overview(page);
  await agree(page, side, "the paused queue runs", (t) => t.queues.gpu.running === 1);
  await side.ask("close_gate", "gpu-a10");
  const more = await side.ask("sdk_enqueue", "gpu", ["segment-brain", "segment-heart"]);
  tasks.gpu.push(...more);
  await agree(
    page,
    side,
    "a living flock: some run, one idles, one boots, two wait",
    (t) => t.counts.running === 3 && t.counts.idle === 1 && t.counts.booting === 1,
  );
  await at(page, `/tasks/${tasks.gpu[2]}`, ".lead");
  await page.waitForFunction(() => document.querySelector(".lead").textContent.length > 10);
  await at(page, `/tasks/${tasks.gpu[0]}`, "table.plain td a[href^='/machines/']");
}

async function drains({ page, side, tasks }) {
  const rows = await side.ask("rows");
  const runs = rows.filter((m) => m.phase === "running" && m.type === "cpu-8");
  await at(page, `/machines/${runs[0].instance}`, ".band");
  await page.getByRole("button", { name: "Drain…" }).click();
  const words = await text(page, "dialog");
  const named = ["train-a", "train-b"].find((name) => words.includes(name));
  expect(/1 running task has ended/.test(words) && named, `drain asks: ${words}`);
  await page.getByRole("button", { name: `Drain ${runs[0].instance}` }).click();
  await page.waitForSelector("dialog", { state: "detached" });
  await overview(page);
  await agree(page, side, "one drains", (t) => t.counts.draining === 1);
  await side.ask("open_gate", named);
  await agree(page, side, "the drained one is gone", (t) => t.counts.draining === 0);
  const ended = tasks.cpu[named === "train-a" ? 1 : 2];
  const status = await side.ask("status", [ended]);
  expect(status[ended] === "completed", `the drained machine's task is ${status[ended]}`);
  return { machine: runs[1], name: named === "train-a" ? "train-b" : "train-a" };
}

async function kills({ page, side, tasks }, { machine, name }) {
  const task = tasks.cpu[name === "train-a" ? 1 : 2];
  await at(page, `/machines/${machine.instance}`, ".band");
  await page.getByRole("button", { name: /^Kill / }).click();
  const words = await text(page, "dialog");
  expect(
    /1 running task goes back to its queue/.test(words) && words.includes(name),
    `kill asks: ${words}`,
  );
  await page.locator("dialog button.danger").click();
  await page.waitForSelector("dialog", { state: "detached" });
  await page.waitForFunction(() =>
    /ended/.test(document.querySelector(".title .chip")?.textContent),
  );
  await eventually("the killed machine's task runs again", async () => {
    const rows = await side.ask("rows");
    return (
      rows.find((m) => m.id === machine.id).phase === "ended" &&
      (await side.ask("status", [task]))[task] === "in_progress"
    );
  });
  await at(page, `/tasks/${task}`, "section[aria-label='Put back'] td");
  await overview(page);
  await agree(page, side, "after the kill", (t) => t.queues.cpu.running === 1);
}

const paper = (page) => page.locator(".paper textarea");
const apply = async (page) => {
  await page.getByRole("button", { name: "Apply…" }).click();
  await page.getByRole("button", { name: "Apply drover.yaml" }).click();
};

async function configures({ browser, page, side }) {
  await at(page, "/config", ".paper textarea");
  await page.waitForFunction(() =>
    document.querySelector(".paper textarea").value.includes("max_machines: 4"),
  );
  const before = await paper(page).inputValue();
  await paper(page).fill(before.replace("max_machines: 4", "max_machines: four"));
  await page.waitForSelector(".gutter .fault");
  const line = before.slice(0, before.indexOf("max_machines: 4")).split("\n").length;
  expect(
    (await text(page, ".faults")).includes(`line ${line}`),
    `the fault is not at line ${line}`,
  );
  await paper(page).fill(before.replace("max_machines: 4", "max_machines: 3"));
  await page.waitForFunction(() => !document.querySelector(".gutter .fault"));
  await apply(page);
  await page.waitForSelector("dialog", { state: "detached" });
  await side.ask("cap", "cpu-8", 3);
  expect(
    (await side.ask("written")).includes("max_machines: 3"),
    "the file does not have what was applied",
  );
  await overview(page);
  await agree(page, side, "the new cap", (t) => t.queues.cpu.available.endsWith("of 3"));
  await overtaken(browser, page, side);
}

/* Two people at once: the slower one sees both versions. */
async function overtaken(browser, page, side) {
  const context = await browser.newContext(VIEW);
  const other = await context.newPage();
  await other.goto(await eventually("a new link", () => side.ask("link")));
  await other.waitForSelector("#live.live");
  for (const one of [page, other]) {
    await at(one, "/config", ".paper textarea");
    await one.waitForFunction(() =>
      document.querySelector(".paper textarea").value.includes("max_machines: 3"),
    );
  }
  const now = await paper(page).inputValue();
  await paper(other).fill(now.replace("per_hour: 12", "per_hour: 14"));
  await apply(other);
  await other.waitForSelector("dialog", { state: "detached" });
  await context.close();
  await paper(page).fill(now.replace("per_day: 200", "per_day: 222"));
  await apply(page);
  await page.waitForSelector(".sides");
  const sides = await page.locator(".sides section").allInnerTexts();
  expect(/per_hour: 14/.test(sides[0]) && /222/.test(sides[1]), "both versions are not shown");
  await page.getByRole("button", { name: /^Take theirs/ }).click();
  await page.waitForFunction(() =>
    document.querySelector(".paper textarea").value.includes("per_hour: 14"),
  );
}

async function costs({ page }) {
  await at(page, "/costs?by=type", "tr[data-key]");
  const cells = await page.locator("tr[data-key]", { hasText: "cpu-8" }).innerText();
  const sums = cells.match(/<?\$[0-9.]+/g) || [];
  expect(
    sums.length === 4 && sums.every((sum) => sum !== "$0.00"),
    `run, boot and idle of cpu-8: ${cells}`,
  );
}

/* Every picture that the page showed while the gateway was silent or away, with its mark. */
const WATCH = () => {
  window.seen = [];
  const look = () =>
    window.seen.push({
      live: document.querySelector("#live").classList.contains("live"),
      stale: document.body.classList.contains("stale"),
      idle: document.querySelector(".numbers .s-idle .big").textContent,
    });
  new MutationObserver(look).observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["class"],
  });
};

async function dies({ page, side, heard }, name) {
  await overview(page);
  const before = await agree(page, side, "before the gateway dies");
  const clean = heard.length;
  await page.evaluate(WATCH);
  await side.ask("gateway", "SIGSTOP");
  await page.waitForSelector("body.stale #live.lost");
  expect(/old/.test(await text(page, "#live")), "no age beside the amber mark");
  expect(/silent since/.test(await text(page, "#banners")), "no banner says since when");
  await side.ask("open_gate", name);
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
  await side.ask("gateway", "SIGKILL");
  await page.waitForSelector("body:not(.stale) #live.live");
  await agree(page, side, "the gateway is back");
  const lies = await page.evaluate(
    (idle) => window.seen.filter((s) => s.live && !s.stale && s.idle === idle).length,
    String(before.counts.idle),
  );
  expect(!lies, `${lies} times an old number was shown as live`);
  heard.splice(clean); /* a browser says aloud that a server is away */
}

async function leaves({ page, side }, idle) {
  for (const name of ["segment-lungs", "segment-brain", "segment-heart", "gpu-a10"])
    await side.ask("open_gate", name);
  await at(page, `/machines/${idle.instance}`, ".band");
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

async function tell() {
  mkdirSync(SHOTS, { recursive: true });
  const side = await world();
  const browser = await launch();
  const context = await browser.newContext(VIEW);
  const page = await context.newPage();
  page.setDefaultTimeout(60000);
  const heard = listen(page);
  const scene = { browser, page, side, heard, tasks: {} };
  try {
    await enter(browser, side, page);
    await emptyState(scene);
    await waitsAndBoots(scene);
    await bootsAndRuns(scene);
    const idle = await idlesAndIsKept(scene);
    await resumes(scene);
    await pictures({ ...scene, context, expect, out: SHOTS });
    const left = await drains(scene);
    await kills(scene, left);
    await configures(scene);
    const refused = heard.findIndex((said) => said.includes("409")); /* the overtaken edit */
    if (refused >= 0) heard.splice(refused, 1);
    await costs(scene);
    await dies(scene, left.name);
    await leaves(scene, idle);
    heard.forEach((said) => expect(false, `console: ${said}`));
  } catch (error) {
    expect(false, error.stack);
    await page.screenshot({ path: join(SHOTS, "failed.png") }).catch(() => null);
  }
  await browser.close();
  await side.end();
}

await tell();
console.log(`story: ${faults.length} faults; pictures in ${SHOTS}`);
process.exit(faults.length ? 1 : 0);
