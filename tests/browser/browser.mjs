/* SPDX-License-Identifier: Apache-2.0
 * Debian's chromium through playwright-core, and the made-up gateway: what all browser tests share.
 * npm packages are in .cache/browser (tests/browser/packages puts them there). */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const HERE = dirname(fileURLToPath(import.meta.url));
export const ROOT = join(HERE, "../..");
const packages = createRequire(
  join(process.env.DROVER_BROWSER_PACKAGES || join(ROOT, ".cache/browser"), "package.json"),
);
const { chromium } = packages("playwright-core");
export const AXE = packages.resolve("axe-core/axe.min.js");

export function launch() {
  return chromium.launch({
    executablePath: process.env.DROVER_CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/* Its address comes on its first line; stop() ends it. */
export function fake(...args) {
  const child = spawn("python3", [join(HERE, "fake_gateway.py"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("exit", (code) => fail(new Error(`fake_gateway.py ended with ${code}`)));
    child.stdout.once("data", (data) =>
      done({
        url: String(data).trim(),
        stop: () => child.kill(),
        turn: (what) => fetch(`${String(data).trim()}/_fake/${what}`, { method: "POST" }),
      }),
    );
  });
}

/* One machine and one task of the flock, for their pages. */
export async function samples(url) {
  const get = async (path) => (await fetch(`${url}/api/v1/${path}`)).json();
  const state = await get("state");
  const tasks = await get("tasks?limit=50");
  const machine = state.machines.find((m) => m.phase === "running") || state.machines[0];
  const task = tasks.tasks.find((t) => t.state === "running") || tasks.tasks[0];
  return { machine: machine && machine.id, task: task && task.id };
}

export async function pages(url) {
  const { machine, task } = await samples(url);
  return {
    overview: "/",
    queues: "/queues",
    queue: "/queues/gpu",
    machines: "/machines",
    machine: `/machines/${machine}`,
    tasks: "/tasks",
    task: `/tasks/${task}`,
    activity: "/activity",
    costs: "/costs",
    actors: "/actors",
    config: "/config",
    wizard: "/wizard",
    login: "/login",
  };
}

/* Errors of the console and of scripts, as they come. */
export function listen(page) {
  const faults = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  return faults;
}
