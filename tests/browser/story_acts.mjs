/* SPDX-License-Identifier: Apache-2.0
 * The third chapter, what people do to a flock: drain, kill, change the configuration, two of them
 * at once, and look at what it cost. */
import { stranger } from "./story_begin.mjs";
import {
  agree,
  click,
  closed,
  eventually,
  overview,
  press,
  text,
  visitMachine,
  visitTask,
} from "./story_page.mjs";

export async function drains({ page, side, expect, tasks }) {
  const rows = await side.ask("rows");
  const runs = rows.filter((m) => m.phase === "running" && m.type === "cpu-8");
  await side.ask("open_gate", "gpu-a10");
  await visitMachine(page, runs[0]);
  await page.getByRole("button", { name: "Drain…" }).click();
  const words = await text(page, "dialog");
  const named = ["train-a", "train-b"].find((name) => words.includes(name));
  expect(/1 running task has ended/.test(words) && named, `drain asks: ${words}`);
  await page.getByRole("button", { name: `Drain ${runs[0].instance}` }).click();
  await closed(page);
  await overview(page);
  await agree(page, side, "one drains", (t) => t.counts.draining === 1);
  await side.ask("open_gate", named);
  await agree(page, side, "the drained one is gone", (t) => t.counts.draining === 0);
  const ended = tasks.cpu[named === "train-a" ? 1 : 2];
  const status = await side.ask("status", [ended]);
  expect(status[ended] === "completed", `the drained machine's task is ${status[ended]}`);
  return { machine: runs[1], name: named === "train-a" ? "train-b" : "train-a" };
}

export async function kills({ page, side, expect, tasks }, { machine, name }) {
  const task = tasks.cpu[name === "train-a" ? 1 : 2];
  await side.ask("open_gate", "segment-lungs");
  await visitMachine(page, machine);
  await page.getByRole("button", { name: /^Kill / }).click();
  const words = await text(page, "dialog");
  expect(
    /1 running task goes back to its queue/.test(words) && words.includes(name),
    `kill asks: ${words}`,
  );
  await page.locator("dialog button.danger").click();
  await closed(page);
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
  await visitTask(page, task, "section[aria-label='Put back'] td");
  await overview(page);
  await agree(page, side, "after the kill", (t) => t.queues.cpu.running === 1);
}

const holds = (page, words) =>
  page.waitForFunction(
    (part) => document.querySelector(".paper textarea")?.value.includes(part),
    words,
  );
const opened = async (page, words) => {
  await click(page, "Config");
  await holds(page, words);
};
const paper = (page) => page.locator(".paper textarea");
const apply = async (page) => {
  await press(page, "Apply…");
  await press(page, "Apply drover.yaml");
};

export async function configures(scene) {
  const { page, side, expect } = scene;
  await opened(page, "max_machines: 4");
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
  await closed(page);
  await side.ask("cap", "cpu-8", 3);
  expect(
    (await side.ask("written")).includes("max_machines: 3"),
    "the file does not have what was applied",
  );
  await overview(page);
  await agree(page, side, "the new cap", (t) => t.queues.cpu.available.endsWith("of 3"));
  await overtaken(scene);
}

/* Two people at once: the slower one sees both versions. */
async function overtaken(scene) {
  const { browser, view, page, side, expect, heard } = scene;
  const context = await browser.newContext(view);
  const other = await context.newPage();
  const link = await side.ask("link");
  await other.goto(link);
  await other.waitForSelector("#live.live");
  expect(new URL(other.url()).pathname === "/", `the link leads to ${other.url()}`);
  await stranger(scene, link);
  for (const one of [page, other]) await opened(one, "max_machines: 3");
  const now = await paper(page).inputValue();
  await paper(other).fill(now.replace("per_hour: 12", "per_hour: 14"));
  await apply(other);
  await closed(other);
  await context.close();
  await paper(page).fill(now.replace("per_day: 200", "per_day: 222"));
  await apply(page);
  await page.waitForSelector(".sides");
  const sides = await page.locator(".sides section").allInnerTexts();
  expect(/per_hour: 14/.test(sides[0]) && /222/.test(sides[1]), "both versions are not shown");
  await page.getByRole("button", { name: /^Take theirs/ }).click();
  await holds(page, "per_hour: 14");
  const refused = heard.findIndex((said) => said.includes("409"));
  if (refused >= 0) heard.splice(refused, 1);
}

export async function costs({ page, expect }) {
  await click(page, "Costs");
  await press(page, "type");
  const cells = await page.locator("tr[data-key]", { hasText: "cpu-8" }).innerText();
  const sums = cells.match(/<?\$[0-9.]+/g) || [];
  expect(
    sums.length === 4 && sums.every((sum) => sum !== "$0.00"),
    `run, boot and idle of cpu-8: ${cells}`,
  );
}
