/* SPDX-License-Identifier: Apache-2.0
 * What was paid for what: run, boot and idle apart; the forecast; what has no price is said. */
import { h, put, replace } from "../dom.js";
import { get, mayWrite, post, query } from "../api.js";
import { store, on } from "../store.js";
import { table } from "../table.js";
import { count, limit, money, plural, span } from "../words.js";
import { limitOf } from "../numbers.js";
import { PARTS, split, swatch, total } from "../costparts.js";
import { toast } from "../dialog.js";

const BY = ["queue", "type", "project", "user", "task", "machine", "day"];
const OF_TASKS = ["project", "user", "task"]; /* without the machines that ran none */
const DAY_US = 86400e6;
const SPANS = [
  ["", "this month"],
  ["1", "last 24 hours"],
  ["7", "last 7 days"],
  ["30", "last 30 days"],
];

const cash = (key, label, p) => ({
  key,
  label,
  num: true,
  width: 88,
  p,
  sort: (r) => r[key] || 0,
  cell: (r) => money(r[key]),
});

const FOR = {
  running: "under tasks",
  booting: "while booting: no task yet",
  idle: "while idle: no task any more",
};

/* What the rows come to, and how much of it was for no work. */
function wherePart(rows, rest) {
  const sum = { run_usd_micros: 0, boot_usd_micros: 0, idle_usd_micros: 0 };
  for (const row of rows) for (const key of Object.keys(sum)) sum[key] += row[key] || 0;
  const all = total(sum);
  if (!all) return null;
  const share = (part) => `${Math.round((100 * part) / all)}${"\u202f"}%`;
  return h(
    "section.panel.where",
    { "aria-label": "What it was paid for" },
    h("div", null, h("h2", null, "What it was paid for"), split(sum)),
    PARTS.map(([state, key]) =>
      h(
        "div",
        null,
        h(
          "div.lead",
          null,
          swatch(state),
          h("b", null, money(sum[key])),
          h("span.muted", null, ` ${share(sum[key])}`),
        ),
        h("div.sub", null, FOR[state]),
      ),
    ),
    rest
      ? h(
          "div",
          null,
          h("div.lead", null, h("b", null, money(rest))),
          h("div.sub", null, "of machines that never ran a task"),
        )
      : null,
  );
}

/* most: the dearest row's cost. */
function columns(by, most) {
  const links = { queue: "queues", task: "tasks", machine: "machines" };
  return [
    {
      key: "name",
      label: by,
      head: true,
      sort: (r) => r.name || r.key,
      cell: (r) => {
        const name = r.name || r.key || "cannot be told";
        return links[by] && r.key
          ? h(
              "a",
              {
                href: `/${links[by]}/${encodeURIComponent(by === "queue" ? name : r.key)}`,
                title: name,
              },
              name,
            )
          : name;
      },
    },
    {
      key: "total",
      label: "cost",
      num: true,
      width: 96,
      sort: total,
      cell: (r) => (!total(r) && r.unpriced_ms ? "unknown" : h("b", null, money(total(r)))),
    },
    {
      key: "split",
      label: "run · boot · idle",
      width: 136,
      p: 2,
      cell: (r) => split(r, most()),
    },
    cash("run_usd_micros", "run", 2),
    cash("boot_usd_micros", "boot", 2),
    cash("idle_usd_micros", "idle", 2),
    {
      key: "run_ms",
      label: "run time",
      num: true,
      width: 96,
      p: 3,
      sort: (r) => r.run_ms || 0,
      cell: (r) => span(r.run_ms),
    },
    {
      key: "machines",
      label: "machines",
      num: true,
      width: 88,
      p: 3,
      sort: (r) => r.machines || 0,
      cell: (r) => count(r.machines),
    },
    {
      key: "tasks",
      label: "tasks",
      num: true,
      width: 72,
      p: 3,
      sort: (r) => r.tasks || 0,
      cell: (r) => count(r.tasks),
    },
    {
      key: "unpriced_ms",
      label: "of unknown price",
      num: true,
      width: 136,
      p: 3,
      sort: (r) => r.unpriced_ms || 0,
      cell: (r) => (r.unpriced_ms ? span(r.unpriced_ms) : ""),
    },
  ];
}

export default function costs(ctx) {
  const sums = h("section.cols.sums", { "aria-label": "Sums" });
  const adopt = h("div");
  const where = h("div");
  const hole = h("div.tablebox");
  const bys = h("div.tabs", { role: "group", "aria-label": "By what" });
  const period = h(
    "select",
    { "aria-label": "Time span" },
    SPANS.map(([days, word]) =>
      h("option", { value: days, selected: days === (ctx.query.get("days") || "") }, word),
    ),
  );
  let answer = null;
  let dearest = 0;
  let shown = { by: "", list: null };
  let turn = 0;
  const by = () => (BY.includes(ctx.query.get("by")) ? ctx.query.get("by") : "queue");
  const buttons = BY.map((name) => {
    const button = h("button", { type: "button" }, name);
    button.addEventListener("click", () => {
      ctx.setQuery("by", name);
      ctx.setQuery("sort", "");
      load();
    });
    bys.append(button);
    return [name, button];
  });
  period.addEventListener("change", () => {
    ctx.setQuery("days", period.value);
    load();
  });

  /* Asked for again, the table stays: someone may be typing into its filter. */
  function listOf(name) {
    if (shown.by === name) return shown.list;
    const list = table(ctx, {
      label: `Costs by ${name}`,
      noun: name,
      columns: columns(name, () => dearest),
      sort: "-total",
      key: (r) => r.key || "?",
      words: (r) => [r.name, r.key],
      tools: [bys, period],
      empty: "Nothing was paid for in this time.",
    });
    replace(hole, list.node);
    shown = { by: name, list };
    return list;
  }

  async function load() {
    for (const [name, button] of buttons) put(button, "aria-pressed", String(name === by()));
    const days = Number(ctx.query.get("days") || 0);
    const mine = ++turn;
    const list = listOf(by());
    try {
      const fresh = await get(
        query("costs", {
          by: by(),
          from_us: days ? Math.round(Date.now() * 1000 - days * DAY_US) : 0,
        }),
      );
      if (mine !== turn) return;
      answer = fresh;
      const rows = answer.rows || [];
      dearest = rows.reduce((most, row) => Math.max(most, total(row)), 0);
      const rest = OF_TASKS.includes(by()) ? answer.unattributed_usd_micros : 0;
      replace(where, wherePart(rows, rest));
      list.update(rows);
    } catch (error) {
      if (mine !== turn) return;
      replace(where);
      list.update([], error.message);
    }
    showSums();
  }

  function showSums() {
    const m = store.money;
    if (!m) return;
    const one = (value, word, sub) =>
      h(
        "div",
        null,
        h("div.big", null, value),
        h("div.what", null, word),
        h("div.sub", null, sub || ""),
      );
    const of = (window) => {
      const cap = limitOf(window);
      return cap && cap.max_usd_micros ? `of ${limit(cap.max_usd_micros)}` : "no limit is set";
    };
    const forecast = answer && answer.forecast_month_usd_micros;
    replace(
      sums,
      one(money(m.rate_usd_micros), "an hour, now", of("hour")),
      one(money(m.today_usd_micros), `today (${m.zone})`, of("day")),
      one(money(m.month_usd_micros), "this month", of("month")),
      one(
        forecast ? money(forecast) : "–",
        "forecast for the month",
        (answer && answer.forecast_sentence) || "if it goes on as in the last 24 hours",
      ),
      one(
        m.unpriced ? plural(m.unpriced, "machine") : "none",
        "of unknown price",
        m.unpriced ? "in no sum; set price_per_hour" : "every machine has a price",
      ),
    );
    replace(adopt, m.waiting ? adoptForm(m) : null);
  }

  ctx.onLeave(on("money", showSums));
  ctx.onLeave(on("anew", load));
  ctx.onLeave(() => turn++);
  return {
    title: "Costs",
    fits: true,
    shown: load,
    node: [h("h1", null, "Costs"), adopt, sums, prices(), where, hole],
  };
}

function prices() {
  const rows = (store.money && store.money.prices) || [];
  if (!rows.length) return null;
  return h(
    "p.muted.small",
    null,
    "Prices: ",
    rows.map((p, i) => [
      i ? " · " : "",
      p.link ? h("a", { href: p.link, target: "_blank", rel: "noreferrer" }, p.type) : p.type,
      p.price_usd_micros
        ? ` ${money(p.price_usd_micros)} /h (${p.source}${p.as_of ? `, ${p.as_of}` : ""})`
        : " price unknown",
    ]),
  );
}

/* After a lost ledger: launches wait for a person's word on what was spent. */
function adoptForm(m) {
  const spent = h("input", {
    id: "spent",
    inputmode: "decimal",
    required: true,
    pattern: "[0-9]+([.][0-9]+)?",
  });
  const form = h(
    "form.panel",
    null,
    h("p", null, m.waiting),
    h(
      "div.field",
      null,
      h("label", { for: "spent" }, "Dollars spent this month so far"),
      spent,
    ),
    h(
      "button.primary",
      { type: "submit", disabled: !mayWrite() },
      "Count this as spent and start again",
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await post("adopt", { spent_usd_micros: Math.round(Number(spent.value) * 1e6) }).then(
      () => toast("Counted; machines start again."),
      (error) => toast(error.message),
    );
  });
  return form;
}
