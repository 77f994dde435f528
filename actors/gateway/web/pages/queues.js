/* SPDX-License-Identifier: Apache-2.0
 * All queues: what waits, for how long, why, and what may still start. */
import { h } from "../dom.js";
import { store, on } from "../store.js";
import { table } from "../table.js";
import { ago, count } from "../words.js";
import { available, queueUrl, reasonOf } from "../queuebox.js";
import { chip, verdictState, verdictWord } from "../state.js";

const number = (key, label, more) => ({
  key,
  label,
  num: true,
  width: 96,
  sort: (q) => q[key] || 0,
  cell: (q) => count(q[key]),
  ...more,
});

const COLUMNS = [
  {
    key: "name",
    label: "queue",
    head: true,
    width: 176,
    sort: (q) => q.name,
    cell: (q) => h("a", { href: queueUrl(q) }, q.name),
  },
  number("waiting", "waiting", { width: 80 }),
  {
    key: "longest",
    label: "longest",
    num: true,
    width: 96,
    sort: (q) => (q.waiting ? -q.oldest_us : null),
    cell: (q) => (q.waiting ? ago(q.oldest_us, "") : "–"),
  },
  number("running", "running", { p: 2 }),
  number("booting", "booting", { p: 2 }),
  {
    key: "available",
    label: "available",
    num: true,
    width: 96,
    sort: (q) => q.available || 0,
    cell: available,
  },
  {
    key: "verdict",
    label: "state",
    width: 144,
    p: 3,
    sort: (q) => q.verdict || "",
    cell: (q) => verdictChip(q),
  },
  {
    key: "why",
    label: "why",
    p: 2,
    cell: (q) => h("span", { title: reasonOf(q) }, reasonOf(q) || "–"),
  },
];

export function verdictChip(q) {
  if (q.paused && q.paused.since_us) return chip("waiting", "paused");
  return q.verdict ? chip(verdictState(q.verdict), verdictWord(q.verdict)) : "–";
}

export default function queues(ctx) {
  const list = table(ctx, {
    label: "Queues",
    noun: "queue",
    columns: COLUMNS,
    sort: "-waiting",
    key: (q) => q.name,
    href: queueUrl,
    words: (q) => [q.name, verdictWord(q.verdict), reasonOf(q), ...(q.types || [])],
    empty: () => [
      h("h2", null, "No queue is served"),
      h(
        "p",
        null,
        "Name one in the configuration, with the machine types that may serve it. ",
        h("a", { href: "/wizard" }, "The wizard"),
        " asks for all that it takes.",
      ),
    ],
  });
  const update = () => store.loaded && list.update([...store.queues.values()]);
  ctx.onLeave(on("queues state", update));
  return {
    title: "Queues",
    fits: true,
    shown: update,
    node: [h("h1", null, "Queues"), list.node],
  };
}
