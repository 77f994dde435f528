/* SPDX-License-Identifier: Apache-2.0
 * A line of activity: when, what, and where one can read on. */
import { h } from "./dom.js";
import { at } from "./words.js";
import { chip } from "./state.js";
import { told } from "./told.js";
import { findMachine, machineName } from "./store.js";

const LEVELS = {
  error: ["✕", "s-failed"],
  alarm: ["✕", "s-failed"],
  warning: ["△", "s-waiting"],
};
const KINDS = { hand: "☞", plan: "▸", machine: "▪", recovery: "↺", key: "⚿", attempt: "▹" };

export function levelMark(row) {
  const [mark, cls] = LEVELS[row.level] || [KINDS[row.kind] || "·", "s-ended"];
  return h(
    `span.mark.${cls}`,
    { title: `${row.kind || "log"} ${row.level || ""}`.trim() },
    mark,
  );
}

export function about(row) {
  const links = [];
  const add = (path, id, word) => {
    if (id)
      links.push(h("a", { href: `/${path}/${encodeURIComponent(id)}`, title: id }, word), " ");
  };
  const m = row.machine && findMachine(row.machine);
  add("machines", row.machine, m ? machineName(m) : row.machine);
  add("tasks", row.task, `task ${String(row.task).slice(0, 8)}`);
  add("queues", row.queue, row.queue);
  return links;
}

/* Whose line it is, where it does not say so itself: "drains (idle)" of which machine? */
function whose(row) {
  const m = row.machine && findMachine(row.machine);
  const names = m ? [machineName(m), m.id] : [row.machine];
  return row.machine && !names.some((name) => row.text.includes(name)) ? `${names[0]} ` : "";
}

const TOGETHER_US = 2e6;
const after = (text) => text.slice(text.indexOf(": ") + 1);

/* A change that a person made comes as two lines, one of the machine and one of the hand: told as
 * one, in the machine's words. rows: newest first. */
export function folded(rows) {
  const kept = [];
  for (const row of rows) {
    const last = kept[kept.length - 1];
    const same =
      last &&
      row.machine &&
      row.machine === last.machine &&
      !row.by !== !last.by &&
      Math.abs(row.t_us - last.t_us) < TOGETHER_US &&
      after(row.text) === after(last.text);
    if (!same) kept.push(row);
    else {
      const [hand, machine] = row.by ? [row, last] : [last, row];
      kept[kept.length - 1] = { ...machine, seq: last.seq, kind: hand.kind, by: hand.by };
    }
  }
  return kept;
}

export function feedLine(row) {
  const target = row.machine
    ? `/machines/${encodeURIComponent(row.machine)}`
    : row.task
      ? `/tasks/${encodeURIComponent(row.task)}`
      : row.queue
        ? `/queues/${encodeURIComponent(row.queue)}`
        : "";
  return h(
    "li",
    { "data-seq": row.seq },
    at(row.t_us),
    levelMark(row),
    h(
      "span.text",
      { title: row.text },
      whose(row),
      told(row.text),
      row.by ? h("span.muted", null, ` – ${row.by}`) : null,
    ),
    target
      ? h("a.small", { href: target, "aria-label": `More on this: ${row.text}` }, "→")
      : null,
  );
}

export function actorChip(state) {
  const as =
    {
      ready: "running",
      starting: "booting",
      stopping: "draining",
      stopped: "idle",
      failed: "failed",
      backoff: "waiting",
    }[state] || "idle";
  return chip(as, state);
}
