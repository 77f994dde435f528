/* SPDX-License-Identifier: Apache-2.0
 * The second chapter: tasks come, one queue is paused, machines boot, run and idle. */
import {
  agree,
  closed,
  eventually,
  overview,
  press,
  text,
  visit,
  visitMachine,
  visitTask,
} from "./story_page.mjs";

const visitQueue = (page, name) =>
  visit(page, "Queues", `/queues/${name}`, ".title .acts button");

export async function waitsAndBoots({ page, side, expect, tasks }) {
  await visitQueue(page, "gpu");
  await press(page, "Pause gpu…");
  await page.getByLabel(/^Why/).fill("the driver is renewed");
  await press(page, "Pause gpu");
  await closed(page);
  await page.getByRole("button", { name: "Resume gpu" }).waitFor();
  await overview(page);
  const made = await side.ask("enqueue", {
    gpu: ["segment-lungs"],
    cpu: ["resize", "train-a", "train-b"],
  });
  tasks.gpu = made.slice(0, 1);
  tasks.cpu = made.slice(1);
  await page.waitForSelector(".strip .cell");
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
  await visitTask(page, tasks.gpu[0]);
  await page.waitForFunction(() =>
    /paused/.test(document.querySelector(".lead").textContent),
  );
}

export async function bootsAndRuns({ page, side }) {
  const booting = (await side.ask("rows")).find((m) => m.phase === "booting" && m.instance);
  await visitMachine(page, booting);
  const parts = () =>
    page.evaluate(() => document.querySelector(".log").textContent.split("unpacking").length);
  await eventually("the boot log on the page", async () => (await parts()) > 2);
  const before = await parts();
  await eventually("the boot log grows", async () => (await parts()) > before);
  await overview(page);
  await side.ask("open_gate", "cpu-8");
  await agree(page, side, "three run", (t) => t.queues.cpu.running === 3);
}

export async function idlesAndIsKept({ page, side }) {
  await side.ask("open_gate", "resize");
  await agree(page, side, "one is idle", (t) => t.counts.idle === 1);
  const idle = (await side.ask("rows")).find((m) => m.phase === "idle");
  await page.locator(`.strip [data-id="${idle.id}"]`).click();
  await page.getByRole("button", { name: "Keep…" }).click();
  await page.getByRole("button", { name: `Keep ${idle.instance}` }).click();
  await page.getByRole("button", { name: "Keep no longer" }).waitFor();
  return idle;
}

export async function resumes({ page, side, tasks }) {
  await visitQueue(page, "gpu");
  await press(page, "Resume gpu");
  await side.ask("open_gate", "gpu-a10");
  await overview(page);
  await agree(page, side, "the paused queue runs", (t) => t.queues.gpu.running === 1);
  await side.ask("close_gate", "gpu-a10");
  const more = await side.ask("enqueue", { gpu: ["segment-brain", "segment-heart"] });
  tasks.gpu.push(...more);
  await agree(
    page,
    side,
    "a living flock: some run, one idles, one boots, two wait",
    (t) => t.counts.running === 3 && t.counts.idle === 1 && t.counts.booting === 1,
  );
  await visitTask(page, tasks.gpu[2]);
  await page.waitForFunction(() => document.querySelector(".lead").textContent.length > 10);
  await visitTask(page, tasks.gpu[0], "table.plain td a[href^='/machines/']");
}
