/* SPDX-License-Identifier: Apache-2.0
 * Tasks that wait and run, with what Drover expects of them; fetched in parts, sorted here. */
import { copyButton, h, put } from "../dom.js";
import { get } from "../api.js";
import { store, on, findMachine, living, machineName } from "../store.js";
import { told } from "../told.js";
import { teaching } from "../teach.js";
import { table } from "../table.js";
import { ago } from "../words.js";
import { chip } from "../state.js";

const PART = 1000;
const MOST = 20000;
const AGAIN_MS = 5000;
const VIEWS = [
  ["waiting,running", "waiting and running"],
  ["waiting", "waiting"],
  ["running", "running"],
  ["ended", "ended"],
];

const wordOf = (ctx) => (VIEWS.find(([s]) => s === ctx.query.get("state")) || ["", "here"])[1];

const when = (t) => (t.state === "waiting" ? t.added_us : t.from_us) || 0;

function machineLink(t) {
  if (!t.machine) return "–";
  const m = findMachine(t.machine);
  const name = m ? machineName(m) : t.machine;
  return [
    h("a", { href: `/machines/${encodeURIComponent(t.machine)}` }, name),
    copyButton(name),
  ];
}

export const COLUMNS = [
  {
    key: "name",
    label: "task",
    head: true,
    sort: (t) => t.name || t.id,
    cell: (t) => h("a", { href: `/tasks/${t.id}`, title: t.name || t.id }, t.name || t.id),
  },
  {
    key: "id",
    label: "id",
    width: 128,
    p: 3,
    cell: (t) => [
      h("span.mono", { title: t.id }, t.id.slice(0, 8)),
      copyButton(t.id, "the task's id"),
    ],
  },
  {
    key: "state",
    label: "state",
    width: 104,
    sort: (t) => t.state,
    cell: (t) => chip(t.state),
  },
  {
    key: "since",
    label: "since",
    num: true,
    width: 88,
    sort: (t) => -when(t),
    cell: (t) => ago(when(t), ""),
  },
  {
    key: "queue",
    label: "queue",
    width: 112,
    p: 2,
    sort: (t) => t.queue,
    cell: (t) =>
      t.queue ? h("a", { href: `/queues/${encodeURIComponent(t.queue)}` }, t.queue) : "–",
  },
  {
    key: "expected",
    label: "starts",
    num: true,
    width: 96,
    p: 3,
    sort: (t) => (t.state === "waiting" && t.expected_us) || null,
    cell: (t) => {
      if (t.state !== "waiting") return "–";
      if (t.expected_us) return ago(t.expected_us, " late");
      return h(
        "span.muted",
        { title: "its queue's page has a guess, or why there is none" },
        "–",
      );
    },
  },
  {
    key: "project",
    label: "project",
    width: 128,
    p: 3,
    sort: (t) => t.project,
    cell: (t) => t.project || "–",
  },
  {
    key: "user",
    label: "user",
    width: 96,
    p: 3,
    sort: (t) => t.user,
    cell: (t) => t.user || "–",
  },
  {
    key: "where",
    label: "machine or reason",
    p: 2,
    width: 256,
    sort: (t) => t.machine || t.sentence || "",
    cell: (t) =>
      t.machine ? machineLink(t) : h("span", { title: t.sentence }, told(t.sentence) || "–"),
  },
];

export const words = (t) => [
  t.name,
  t.id,
  t.queue,
  t.project,
  t.user,
  t.state,
  t.sentence,
  t.machine,
];

export default function tasks(ctx) {
  let turn = 0;
  let timer = 0;
  const tabs = h("div.tabs", { role: "group", "aria-label": "Which tasks" });
  const buttons = VIEWS.map(([state, word]) => {
    const button = h("button", { type: "button" }, word);
    button.addEventListener("click", () => {
      ctx.setQuery("state", state);
      load();
    });
    tabs.append(button);
    return [state, button];
  });
  const list = table(ctx, {
    label: "Tasks",
    noun: "task",
    columns: COLUMNS,
    sort: "-since",
    tools: tabs,
    key: (t) => t.id,
    href: (t) => `/tasks/${t.id}`,
    words,
    empty: () =>
      living().length
        ? `No task is ${wordOf(ctx)} in the queues that Drover serves.`
        : teaching(),
  });

  async function load() {
    const mine = ++turn;
    const state = ctx.query.get("state") || VIEWS[0][0];
    for (const [name, button] of buttons) put(button, "aria-pressed", String(name === state));
    const all = [];
    try {
      for (let offset = 0; offset < MOST; offset += PART) {
        const answer = await get(`tasks?state=${state}&offset=${offset}&limit=${PART}`);
        if (mine !== turn) return;
        const part = answer.tasks || [];
        all.push(...part);
        const note =
          answer.total > all.length ? `${all.length} of ${answer.total} fetched` : "";
        if (!shown || all.length >= shown) list.update(all, note);
        if (!part.length || all.length >= (answer.total || 0)) break;
      }
      shown = all.length;
      list.update(all);
    } catch (error) {
      if (mine === turn) list.update(all, error.message);
    }
  }

  let shown = 0;
  /* Lists of tasks are no part of the stream: they are asked for again when counts moved. */
  ctx.onLeave(
    on("counts", () => {
      if (timer || store.live !== "live") return;
      timer = setTimeout(
        () => {
          timer = 0;
          load();
        },
        Math.max(AGAIN_MS, shown),
      );
    }),
  );
  ctx.onLeave(on("anew", load));
  ctx.onLeave(() => {
    turn++;
    clearTimeout(timer);
  });
  return {
    title: "Tasks",
    fits: true,
    shown: load,
    node: [h("h1", null, "Tasks"), list.node],
  };
}
