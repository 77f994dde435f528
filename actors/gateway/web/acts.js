/* SPDX-License-Identifier: Apache-2.0
 * What a person can do to machines and queues. Each asks once and names what will happen. */
import { h, replace } from "./dom.js";
import { mayWrite, post, seg } from "./api.js";
import { askFirst, toast } from "./dialog.js";
import { machineName } from "./store.js";
import { plural } from "./words.js";

export function actButton(word, act, danger) {
  const button = h(`button${danger ? ".danger" : ""}`, { type: "button", onclick: act }, word);
  if (!mayWrite()) {
    button.disabled = true;
    button.title = "Your role is viewer; an operator may do this.";
  }
  return button;
}

function lostTasks(tasks) {
  if (!tasks.length) return h("p", null, "No task runs on it. It is terminated now.");
  return h(
    "div",
    null,
    h(
      "p",
      null,
      `${plural(tasks.length, "running task")} ${
        tasks.length === 1 ? "goes" : "go"
      } back to ${tasks.length === 1 ? "its queue" : "their queues"}:`,
    ),
    h(
      "ul",
      null,
      tasks.map((t) => h("li", null, t.name || t.id)),
    ),
    h(
      "p",
      null,
      "The machine is terminated now; what a task did since its last checkpoint is lost.",
    ),
  );
}

export function askKill(m) {
  const name = machineName(m);
  let tasks = m.tasks || [];
  const body = h("div", null, lostTasks(tasks));
  askFirst({
    title: `Kill ${name}?`,
    body,
    verb: `Kill ${name}`,
    danger: true,
    act: async () => {
      try {
        return await post(`machines/${seg(m.id)}/kill`, { tasks: tasks.map((t) => t.id) });
      } catch (error) {
        if (error.status === 409 && error.data.tasks) {
          /* others run now: they are named, asked again */
          tasks = error.data.tasks;
          replace(body, lostTasks(tasks));
        }
        throw error;
      }
    },
    done: () => toast(`${name} is being terminated.`),
  });
}

export function askDrain(m) {
  const name = machineName(m);
  const tasks = m.tasks || [];
  const mode = tasks.length ? "after-task" : "idle";
  askFirst({
    title: `Drain ${name}?`,
    verb: `Drain ${name}`,
    body: [
      h(
        "p",
        null,
        tasks.length
          ? `It takes no new task and goes when ${plural(
              tasks.length,
              "running task",
            )} ${tasks.length === 1 ? "has" : "have"} ended:`
          : "It is idle: it takes no new task and goes.",
      ),
      tasks.length
        ? h(
            "ul",
            null,
            tasks.map((t) => h("li", null, t.name || t.id)),
          )
        : null,
    ],
    act: () => post(`machines/${seg(m.id)}/drain`, { mode }),
    done: () => toast(`${name} drains.`),
  });
}

const HOURS = [1, 4, 12, 24, 72];

export function askKeep(m) {
  const name = machineName(m);
  const pick = h(
    "select",
    { id: "keep-for" },
    HOURS.map((n) => h("option", { value: n * 3600e3 }, plural(n, "hour"))),
  );
  askFirst({
    title: `Keep ${name}?`,
    verb: `Keep ${name}`,
    body: [
      h("p", null, "Neither idleness nor age ends it until then. It costs as long as it runs."),
      h("div.field", null, h("label", { for: "keep-for" }, "Keep it for"), pick),
    ],
    act: () => post(`machines/${seg(m.id)}/keep`, { for_ms: Number(pick.value) }),
    done: () => toast(`${name} is kept.`),
  });
}

/* Harmless: undone by one press. */
export async function keepNoLonger(m) {
  try {
    await post(`machines/${seg(m.id)}/keep`, { for_ms: 0 });
    toast(`${machineName(m)} is kept no longer.`);
  } catch (error) {
    toast(error.message);
  }
}

/* queue: its name, or "" for all. */
export function askPause(queue) {
  const why = h("input", { id: "pause-why", maxlength: "200" });
  const what = queue ? `Pause ${queue}` : "Pause all starting";
  askFirst({
    title: `${what}?`,
    verb: what,
    body: [
      h(
        "p",
        null,
        queue
          ? `No machine starts for tasks of ${queue}. Machines that run go on and take its tasks.`
          : "No machine starts for any queue. Machines that run go on and take tasks.",
      ),
      h("div.field", null, h("label", { for: "pause-why" }, "Why (others read it)"), why),
    ],
    act: () => post("pause", { ...(queue ? { queue } : {}), sentence: why.value }),
    done: () => toast(queue ? `${queue} is paused.` : "Starting is paused."),
  });
}

export async function resume(queue) {
  try {
    await post("resume", queue ? { queue } : {});
    toast(queue ? `${queue} is served again.` : "Machines start again.");
  } catch (error) {
    toast(error.message);
  }
}
