/* SPDX-License-Identifier: Apache-2.0
 * One queue: its reason in words, its tasks with expected start, its machines. */
import { copyButton, h, replace } from "../dom.js";
import { get, seg } from "../api.js";
import { store, on, findMachine, machineName } from "../store.js";
import { plainTable } from "../table.js";
import { ago, count, plural } from "../words.js";
import { chip } from "../state.js";
import { available, reasonOf } from "../queuebox.js";
import { verdictChip } from "./queues.js";
import { actButton, askPause, resume } from "../acts.js";

const PART = 100;
const MOST = 1000; /* the table of all tasks has the others */
const AGAIN_MS = 2000;

const TASKS = [
  { label: "#", num: true, p: 2, cell: (t) => t.place },
  {
    label: "task",
    cls: "wrap",
    cell: (t) => [
      h("a", { href: `/tasks/${t.id}` }, t.name || t.id),
      copyButton(t.id, "the task's id"),
    ],
  },
  { label: "waits", num: true, cell: (t) => ago(t.added_us, "") },
  {
    label: "starts",
    num: true,
    cell: (t) => (t.expected_us ? ago(t.expected_us, " late") : "unknown"),
  },
  { label: "project", p: 3, cell: (t) => t.project || "–" },
  { label: "user", p: 2, cell: (t) => t.user || "–" },
  { label: "why", p: 2, cls: "wrap", cell: (t) => t.sentence || "–" },
];
const MACHINES = [
  {
    label: "machine",
    cell: (m) => h("a", { href: `/machines/${seg(machineName(m))}` }, machineName(m)),
  },
  { label: "state", cell: (m) => chip(m.phase) },
  { label: "since", num: true, cell: (m) => ago(m.state_since_us, "") },
  { label: "type", p: 2, cell: (m) => m.type },
  {
    label: "task",
    cls: "wrap",
    cell: (m) =>
      (m.tasks || []).map((t, i) => [
        i ? ", " : "",
        h("a", { href: `/tasks/${t.id}` }, t.name || t.id),
      ]),
  },
];

export default function queue(ctx) {
  const head = h("div.title", null, h("h1", null, ctx.id));
  const why = h("p.lead", { "aria-live": "polite" });
  const facts = h("p.muted");
  const tasks = h("div");
  const machines = h("div");
  let limit = PART;
  let last = null;
  let timer = 0;

  async function load() {
    try {
      last = await get(`queues/${seg(ctx.id)}?offset=0&limit=${limit}`);
      show();
    } catch (error) {
      replace(
        why,
        h("span.bad", null, error.message),
        " ",
        h("a", { href: "/queues" }, "All queues"),
      );
    }
  }

  function show() {
    const q = store.queues.get(ctx.id) || last.queue;
    const paused = q.paused && q.paused.since_us;
    replace(
      head,
      h("h1", null, q.name),
      verdictChip(q),
      h(
        "div.acts",
        null,
        paused
          ? actButton(`Resume ${q.name}`, () => resume(q.name))
          : actButton(`Pause ${q.name}…`, () => askPause(q.name)),
      ),
    );
    const reasons = [
      reasonOf(q),
      ...(last.reasons || []).filter((r) => !r.task).map((r) => r.sentence),
    ];
    replace(
      why,
      [...new Set(reasons.filter(Boolean))].join(" ") ||
        (q.waiting ? "No reason is known yet." : "Nothing waits in it."),
    );
    replace(
      facts,
      `${count(q.waiting)} waiting · ${count(q.running)} running · ${count(q.booting)} ` +
        `booting · ${available(q)} available · ` +
        `served by ${(q.types || []).join(", ") || "no type"}`,
    );
    const rows = (last.tasks || []).map((t, i) => ({ ...t, place: i + 1 }));
    const more =
      last.total > rows.length && limit < MOST
        ? h(
            "button",
            {
              type: "button",
              onclick() {
                limit = MOST;
                load();
              },
            },
            `Show more of ${plural(last.total, "task")}`,
          )
        : null;
    replace(tasks, plainTable("Waiting tasks", TASKS, rows, "No task waits."), more);
    replace(
      machines,
      plainTable(
        "Machines that serve it",
        MACHINES,
        (last.machines || []).map(findMachine).filter(Boolean),
        "No machine serves it now.",
      ),
    );
  }

  ctx.onLeave(
    on("queues machines", () => {
      if (timer || !last) return;
      timer = setTimeout(() => {
        timer = 0;
        load();
      }, AGAIN_MS);
    }),
  );
  ctx.onLeave(() => clearTimeout(timer));
  load();
  return {
    title: ctx.id,
    node: [
      head,
      why,
      facts,
      h("section.panel", { "aria-label": "Tasks" }, h("h2", null, "Tasks that wait"), tasks),
      h(
        "section.panel",
        { "aria-label": "Machines" },
        h("h2", null, "Machines that serve it"),
        machines,
      ),
    ],
  };
}
