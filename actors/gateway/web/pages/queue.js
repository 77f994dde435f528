/* SPDX-License-Identifier: Apache-2.0
 * One queue: its reason in words, its tasks with expected start, its machines. */
import { copyButton, h, put, replace, say, size } from "../dom.js";
import { get, seg } from "../api.js";
import { store, on, findMachine, machineName } from "../store.js";
import { plainTable, table } from "../table.js";
import { rowHeight } from "../rows.js";
import { ago, count, now } from "../words.js";
import { chip } from "../state.js";
import { available, reasonOf } from "../queuebox.js";
import { verdictChip } from "./queues.js";
import { told } from "../told.js";
import { enqueueing } from "../teach.js";
import { groundOf, starts } from "../estimate.js";
import { actButton, askPause, resume } from "../acts.js";

const PART = 1000;
const MOST = 20000;
const AGAIN_MS = 2000;
const SOON_US = 60e6;
const WORK_MS = 30000; /* how long tasks run is no news of each second */
const ROWS = 12; /* in sight at once; the others by scrolling */

function startOf({ start }) {
  if (!start.us) return h("span.muted", { title: start.basis }, start.word);
  const late = now() - start.us;
  if (late >= 0 && (late < SOON_US || !start.sure))
    return h("span", { title: start.basis }, "any moment");
  const time = ago(start.us, " late");
  put(time, "title", `${time.title} – ${start.basis}`);
  return start.sure ? time : h("span", { title: start.basis }, "~ ", time);
}

const TASKS = [
  {
    key: "place",
    label: "#",
    num: true,
    width: 56,
    p: 2,
    sort: (t) => t.place,
    cell: (t) => count(t.place),
  },
  {
    key: "name",
    label: "task",
    head: true,
    sort: (t) => t.name || t.id,
    cell: (t) => [
      h("a", { href: `/tasks/${t.id}`, title: t.name || t.id }, t.name || t.id),
      copyButton(t.id, "the task's id"),
    ],
  },
  {
    key: "waits",
    label: "waits",
    num: true,
    width: 96,
    sort: (t) => -t.added_us,
    cell: (t) => ago(t.added_us, ""),
  },
  {
    key: "starts",
    label: "starts",
    num: true,
    width: 136,
    sort: (t) => t.start.us || null,
    cell: startOf,
  },
  {
    key: "project",
    label: "project",
    width: 112,
    p: 3,
    sort: (t) => t.project,
    cell: (t) => t.project || "–",
  },
  {
    key: "user",
    label: "user",
    width: 88,
    p: 2,
    sort: (t) => t.user,
    cell: (t) => t.user || "–",
  },
  {
    key: "why",
    label: "why",
    width: 464,
    p: 2,
    sort: (t) => t.sentence || "",
    cell: (t) => h("span", { title: t.sentence }, told(t.sentence) || "–"),
  },
];
const MACHINES = [
  {
    label: "machine",
    cell: (m) => [
      h("a", { href: `/machines/${seg(machineName(m))}` }, machineName(m)),
      copyButton(machineName(m)),
    ],
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
  const ground = h("p.muted.small");
  const machines = h("div");
  const list = table(ctx, {
    label: "Tasks that wait",
    noun: "task",
    columns: TASKS,
    sort: "place",
    key: (t) => t.id,
    href: (t) => `/tasks/${t.id}`,
    words: (t) => [t.name, t.id, t.project, t.user, t.sentence],
    empty: () => ["No task waits. This enqueues one:", enqueueing(ctx.id)],
  });
  list.node.classList.add("part");
  let last = null;
  let work = { running: [], ended: [] };
  let workAt = -Infinity;
  let timer = 0;
  let turn = 0;
  let left = false;

  async function load() {
    const mine = ++turn;
    const tasks = [];
    try {
      for (let offset = 0; offset < MOST; offset += PART) {
        const part = await get(`queues/${seg(ctx.id)}?offset=${offset}&limit=${PART}`);
        if (mine !== turn) return;
        tasks.push(...(part.tasks || []));
        last = { ...part, tasks };
        if (tasks.length >= (part.total || 0) || !(part.tasks || []).length) break;
      }
      show();
      if (performance.now() - workAt > WORK_MS) await loadWork();
    } catch (error) {
      if (mine !== turn) return;
      replace(
        why,
        h("span.bad", null, error.message),
        " ",
        h("a", { href: "/queues" }, "All queues"),
      );
    }
  }

  /* What runs and how long such tasks ran: the ground of every guess. */
  async function loadWork() {
    workAt = performance.now();
    const of = (state) =>
      get(`tasks?state=${state}&limit=${PART}`).then(
        (answer) => answer.tasks || [],
        () => [],
      );
    const [running, ended] = await Promise.all([of("running"), of("ended")]);
    work = { running, ended };
    if (!left) show();
  }

  function show() {
    const q = store.queues.get(ctx.id) || last.queue;
    const paused = q.paused && q.paused.since_us;
    replace(
      head,
      h("h1", null, q.name),
      q.verdict || paused ? verdictChip(q) : null,
      h(
        "div.acts",
        null,
        paused
          ? actButton(`Resume ${q.name}`, () => resume(q.name))
          : actButton(`Pause ${q.name}…`, () => askPause(q.name)),
      ),
    );
    /* The plan's word of when the tasks were asked for, where the stream has none. */
    const planned = (last.reasons || []).filter((r) => !r.task).map((r) => told(r.sentence));
    say(
      why,
      reasonOf(q) ||
        planned.filter(Boolean).join(" ") ||
        (q.waiting ? "No reason is known yet." : "Nothing waits in it."),
    );
    say(
      facts,
      `${count(q.waiting)} waiting · ${count(q.running)} running · ${count(q.booting)} ` +
        `booting · ${available(q)} available · ` +
        `served by ${(q.types || []).join(", ") || "no type"}`,
    );
    const serving = (last.machines || []).map(findMachine).filter(Boolean);
    showTasks(q, serving);
    replace(
      machines,
      plainTable("Machines that serve it", MACHINES, serving, "No machine serves it now."),
    );
  }

  function showTasks(q, serving) {
    const guesses = starts(last.tasks, {
      queue: q,
      machines: serving,
      all: [...store.machines.values()],
      at: now(),
      ...work,
    });
    const rows = last.tasks.map((t, i) => ({ ...t, place: i + 1, start: guesses[i] }));
    say(ground, groundOf(guesses, q.name, work.ended));
    ground.hidden = !ground.textContent;
    size(list.node, "--rows", `${(Math.min(ROWS, rows.length) + 1) * rowHeight() + 4}px`);
    list.update(rows);
  }

  const again = () => {
    if (timer || !last) return;
    timer = setTimeout(
      () => {
        timer = 0;
        load();
      },
      Math.max(AGAIN_MS, last.tasks.length),
    );
  };
  ctx.onLeave(on("queues machines", again));
  ctx.onLeave(on("anew", load));
  ctx.onLeave(() => {
    left = true;
    turn++;
    clearTimeout(timer);
  });
  load();
  return {
    title: ctx.id,
    node: [
      head,
      why,
      facts,
      h(
        "section.panel",
        { "aria-label": "Tasks" },
        h("h2", null, "Tasks that wait"),
        list.node,
        ground,
      ),
      h(
        "section.panel",
        { "aria-label": "Machines" },
        h("h2", null, "Machines that serve it"),
        machines,
      ),
    ],
  };
}
