/* SPDX-License-Identifier: Apache-2.0
 * What the chapters of the story need: the world beside the page, ways through the page, what the
 * page shows, and waiting until the two are equal. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { HERE } from "./browser.mjs";

const LIMIT_MS = 90000;
export const COUNTS = ["waiting", "booting", "running", "idle", "draining"];

const CHANGE =
  /^\S+ (\S+): (wanted|launching|booting|up|draining|absent|terminating|gone|failed|cancelled)/;

/* story_world.py: ask("truth") and the like; one question at a time. */
export async function world() {
  const child = spawn(
    process.env.DROVER_TEST_PYTHON || "python3",
    [join(HERE, "story_world.py")],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error("the world ended");
      if (!value.startsWith("{")) {
        console.log(value);
        if (value.includes("SkipTest")) throw new Error(value);
        continue;
      }
      const said = JSON.parse(value);
      if (said.error) throw new Error(said.error);
      return said.ok;
    }
  };
  const begun = await answer();
  let turn = Promise.resolve();
  return {
    ...begun,
    ask(name, ...args) {
      turn = turn.then(() => {
        child.stdin.write(`${JSON.stringify([name, args])}\n`);
        return answer();
      });
      return turn;
    },
    end() {
      child.stdin.end();
      return new Promise((done) => {
        if (child.exitCode !== null) done();
        else child.once("exit", done);
      });
    },
  };
}

export const text = (page, selector) => page.locator(selector).first().innerText();

export const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

/* By the page's own links, as a person goes: nothing is loaded anew. */
export const click = (page, word) => page.locator("#nav a", { hasText: word }).click();

export async function visit(page, word, href, selector) {
  await click(page, word);
  await page.locator(`main a[href="${href}"]`).first().click();
  await page.waitForSelector(selector);
}

export const visitTask = (page, id, selector = ".lead") =>
  visit(page, "Tasks", `/tasks/${id}`, selector);

export const visitMachine = (page, machine) =>
  visit(page, "Machines", `/machines/${machine.instance}`, ".band");

export async function overview(page) {
  await click(page, "Overview");
  await page.waitForSelector(".queuebox tbody tr");
}

export const closed = (page) => page.waitForSelector("dialog", { state: "detached" });

/* The overview's numbers, queues and lines of activity, as a person reads them. */
export function shown(page) {
  return page.evaluate(async (names) => {
    const { store } = await import("/store.js");
    const { told } = await import("/told.js");
    const { folded } = await import("/feed.js");
    const text = (node) => (node ? node.textContent.trim() : "");
    const queues = {};
    for (const row of document.querySelectorAll(".queuebox tbody tr")) {
      if (!row.querySelector("th")) continue;
      const cells = [...row.querySelectorAll("td")].map(text);
      queues[text(row.querySelector("th"))] = {
        waiting: Number(cells[0]),
        running: Number(cells[2]),
        available: cells[3],
      };
    }
    const counts = {};
    for (const name of names)
      counts[name] = Number(text(document.querySelector(`.numbers .s-${name} .big`)));
    return {
      counts,
      queues,
      lines: [...document.querySelectorAll(".feedbox li[data-seq] .text")].map(text),
      activity: store.activity.map((row) => told(row.text)) /* below what the box has room for */,
      folded: folded(store.activity).map((row) => told(row.text)),
      cells: document.querySelectorAll(".strip .cell").length,
      live: document.querySelector("#live").className,
    };
  }, COUNTS);
}

/* "small local-1: up, …" of any line → "ID: up" of those that are of machines, newest first. */
function changesOf(lines, rows) {
  const ids = new Map(rows.flatMap((m) => [[m.id, m.id]].concat([[m.instance, m.id]])));
  const found = lines
    .map((line) => CHANGE.exec(line))
    .filter((hit) => hit && ids.has(hit[1]))
    .map((hit) => `${ids.get(hit[1])}: ${hit[2]}`);
  return [...new Set(found)];
}

function differs(truth, rows, now) {
  for (const name of COUNTS)
    if (truth.counts[name] !== now.counts[name])
      return `${name}: ${now.counts[name]} on the page, ${truth.counts[name]} in truth`;
  for (const [name, queue] of Object.entries(truth.queues))
    for (const [key, value] of Object.entries(queue))
      if (!now.queues[name] || now.queues[name][key] !== value)
        return `${name} ${key}: ${JSON.stringify(now.queues[name])}, in truth ${value}`;
  /* A line begins with its machine where its text does not name it. */
  const odd = now.lines.findIndex((line, i) => !line.includes(now.folded[i]));
  if (odd >= 0) return `line ${odd} of the activity is ${now.lines[odd]}`;
  const wanted = [...new Set(truth.changes)];
  const lines = changesOf(now.activity, rows).slice(0, wanted.length);
  if (JSON.stringify(lines) !== JSON.stringify(wanted))
    return `activity: ${lines.join(", ")}; in truth ${wanted.join(", ")}`;
  return now.live === "live live" ? "" : `the page is ${now.live}`;
}

/* Until the page shows what is true, and what is true is what the step is about. Never reloads. */
export async function agree(page, side, step, about = () => true) {
  const until = Date.now() + LIMIT_MS;
  let last = "nothing was seen";
  while (Date.now() < until) {
    const before = await side.ask("truth");
    const rows = await side.ask("rows");
    const now = await shown(page);
    const after = await side.ask("truth");
    if (JSON.stringify(before) !== JSON.stringify(after)) continue;
    last = about(after)
      ? differs(after, rows, now)
      : `in truth it is ${JSON.stringify(after)}`;
    if (!last) {
      const seconds = (performance.now() / 1000).toFixed(0);
      console.log(`${seconds} s, agreed: ${step}: ${JSON.stringify(after.counts)}`);
      return after;
    }
    await page.waitForTimeout(100);
  }
  throw new Error(`${step}: ${last}`);
}

/* Until the world says so. */
export async function eventually(what, condition) {
  const until = Date.now() + LIMIT_MS;
  while (Date.now() < until) {
    const value = await condition();
    if (value) return value;
    await new Promise((done) => {
      setTimeout(done, 200);
    });
  }
  throw new Error(`not seen: ${what}`);
}
