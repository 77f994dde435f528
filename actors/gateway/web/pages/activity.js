/* SPDX-License-Identifier: Apache-2.0
 * What happened, live and back in time: filters kept in the URL, download as ndjson. */
import { h } from "../dom.js";
import { get, query } from "../api.js";
import { store, on } from "../store.js";
import { table } from "../table.js";
import { told } from "../told.js";
import { at } from "../words.js";
import { about, folded, levelMark } from "../feed.js";

const PART = 500;
const KINDS = ["", "log", "machine", "plan", "recovery", "hand"];
const LEVELS = ["", "info", "warning", "error", "alarm"];
const WHERE = ["machine", "task", "queue"];

const COLUMNS = [
  { key: "t", label: "when", width: 128, sort: (a) => a.seq, cell: (a) => at(a.t_us) },
  { key: "level", label: "", name: "level", width: 40, cell: levelMark },
  {
    key: "source",
    label: "from",
    width: 152,
    p: 3,
    sort: (a) => a.source,
    cell: (a) => a.source || "–",
  },
  {
    key: "text",
    label: "what",
    head: true,
    cell: (a) => h("span.twoline", { title: a.text }, told(a.text)),
  },
  { key: "by", label: "by", width: 64, p: 3, sort: (a) => a.by, cell: (a) => a.by || "" },
  { key: "about", label: "about", width: 280, p: 2, cell: about },
];

export default function activity(ctx) {
  let rows = [];
  let next = 0;
  let failed = "";
  let turn = 0;
  const state = (name) => ctx.query.get(name) || "";
  const filters = () =>
    Object.fromEntries(["kind", "level", ...WHERE].map((n) => [n, state(n)]));

  const pick = (name, words, label) => {
    const node = h(
      "select",
      { "aria-label": label },
      words.map((word) =>
        h("option", { value: word, selected: word === state(name) }, word || label),
      ),
    );
    node.addEventListener("change", () => {
      ctx.setQuery(name, node.value);
      load();
    });
    return node;
  };
  const only = WHERE.filter(state).map((name) => {
    const button = h(
      "button",
      { type: "button", title: "Show all again" },
      `${name} ${state(name)} ✕`,
    );
    button.addEventListener("click", () => {
      ctx.setQuery(name, "");
      button.remove();
      load();
    });
    return button;
  });
  const save = h(
    "a",
    { download: "activity.ndjson", title: "What the filters leave, as NDJSON" },
    "Download",
  );
  const older = h(
    "button",
    { type: "button", hidden: true, onclick: () => load(next) },
    "Older",
  );
  const list = table(ctx, {
    label: "Activity",
    noun: "line",
    columns: COLUMNS,
    sort: "-t",
    key: (a) => String(a.seq),
    tall: true,
    words: (a) => [a.text, a.source, a.kind, a.level, a.machine, a.task, a.queue, a.by],
    tools: [
      pick("kind", KINDS, "every kind"),
      pick("level", LEVELS, "every level"),
      only,
      older,
      save,
    ],
    empty: "Nothing of this kind has happened.",
  });

  async function load(before) {
    const mine = ++turn;
    try {
      const answer = await get(query("activity", { ...filters(), before, limit: PART }));
      if (mine !== turn) return;
      rows = before ? rows.concat(answer.activity || []) : answer.activity || [];
      next = answer.next || 0;
      failed = "";
    } catch (error) {
      if (mine !== turn) return;
      failed = error.message;
    }
    older.hidden = !next;
    show();
  }

  function aim() {
    const text = state("q");
    save.href = `/api/v1/${query("activity", { ...filters(), text, format: "ndjson" })}`;
  }

  function show() {
    aim();
    list.update(folded(rows), failed || (next ? "Older has more" : ""));
  }

  function fits(a) {
    return Object.entries(filters()).every(
      ([name, value]) => !value || (a[name] || "") === value,
    );
  }

  ctx.onLeave(
    on("activity", () => {
      const newest = rows.length ? rows[0].seq : 0;
      const more = store.activity.filter((a) => a.seq > newest && fits(a));
      if (!more.length) return;
      rows = more.concat(rows);
      show();
    }),
  );
  ctx.onLeave(on("anew", () => load()));
  /* As the page is filtered when it is pressed. */
  save.addEventListener("click", aim);
  ctx.onLeave(() => turn++);
  return {
    title: "Activity",
    fits: true,
    shown: () => load(),
    node: [h("h1", null, "Activity"), list.node],
  };
}
