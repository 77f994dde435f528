/* SPDX-License-Identifier: Apache-2.0
 * A table: sticky head, sort and filter kept in the URL, keyboard, rows drawn as they are seen.
 *
 * spec: {label, columns, key(row), href(row), words(row), sort, empty, noun, tall (rows.js)}
 * column: {key, label, cell(row), sort(row), num, width (px), p (2, 3: first to go), head} */
import { h, put, replace, say, size } from "./dom.js";
import { Rows, classes } from "./rows.js";
import { filtered, nextSort, parseSort, sorted } from "./order.js";
import { count, plural } from "./words.js";
import { setList } from "./keys.js";

const MANY = 1000;
const CALM_MS = 1000;

export function plainTable(label, columns, rows, none) {
  if (!rows.length) return h("p.muted", null, none || "None.");
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": `${label}, table` },
    h(
      "table.plain",
      null,
      h("caption.sr", null, label),
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          columns.map((column) => h(`th${classes(column)}`, { scope: "col" }, column.label)),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map((row) =>
          h(
            "tr",
            null,
            columns.map((column) => h(`td${classes(column)}`, null, column.cell(row))),
          ),
        ),
      ),
    ),
  );
}

export function table(ctx, spec) {
  const state = { all: [], note: "" };
  const filter = h("input.filter", {
    type: "search",
    placeholder: "Filter  /",
    "aria-label": `Filter ${spec.noun || "row"}s`,
    value: ctx.query.get("q") || "",
    autocomplete: "off",
    spellcheck: "false",
  });
  const said = h("span.muted.said", { "aria-live": "polite" });
  const heads = new Map();
  const body = h("tbody");
  const grid = h(
    "table",
    { "aria-rowcount": "1" },
    h("caption.sr", null, spec.label),
    columnsOf(spec),
    h("thead", null, h("tr", { "aria-rowindex": "1" }, spec.columns.map(head))),
    body,
  );
  const scroller = h(
    `div.scroll.fill${spec.tall ? ".tall" : ""}`,
    { tabindex: "0", role: "region", "aria-label": spec.label },
    grid,
  );
  const none = h("div.empty", { hidden: true });
  const tools = h("div.tools", null, filter, spec.tools || null, said);
  const rows = new Rows(body, scroller, spec);
  const node = h("div.tablebox", null, tools, scroller, none);

  function head(column) {
    const th = h(`th${classes(column)}`, { scope: "col" });
    if (column.sort) {
      const button = h(
        "button.sort",
        { type: "button" },
        column.label,
        h("span.arrow", { "aria-hidden": "true" }),
      );
      button.addEventListener("click", () => {
        ctx.setQuery("sort", nextSort(order(), column));
        show();
      });
      th.append(button);
    } else fillHead(th, column);
    heads.set(column, th);
    return th;
  }

  function order() {
    return parseSort(ctx.query.get("sort"), spec.columns, spec.sort);
  }

  function show() {
    const by = order();
    for (const [column, th] of heads) {
      put(
        th,
        "aria-sort",
        column === by.column ? (by.down ? "descending" : "ascending") : null,
      );
    }
    const kept = sorted(filtered(state.all, filter.value, spec.words), by, spec.key);
    grid.setAttribute("aria-rowcount", kept.length + 1);
    rows.set(kept);
    say(said, [counted(kept.length), state.note].filter(Boolean).join(" · "));
    none.hidden = kept.length > 0;
    scroller.hidden = kept.length === 0;
    if (!kept.length) replace(none, nothing());
  }

  function counted(shown) {
    const all = plural(state.all.length, spec.noun || "row");
    return shown === state.all.length ? all : `${count(shown)} of ${all}`;
  }

  function nothing() {
    if (state.all.length)
      return `Nothing here contains “${filter.value}”. Esc clears the filter.`;
    return typeof spec.empty === "function" ? spec.empty() : spec.empty || "None.";
  }

  /* Sorting a large table on each change of one row would be all that the page does. */
  let timer = 0;
  let shownAt = -Infinity;
  function soon() {
    const wait = state.all.length > MANY ? shownAt + CALM_MS - performance.now() : 0;
    if (timer) return;
    const run = () => {
      timer = 0;
      shownAt = performance.now();
      show();
    };
    if (wait <= 0) run();
    else timer = setTimeout(run, wait);
  }
  ctx.onLeave(() => clearTimeout(timer));

  filter.addEventListener("input", () => {
    ctx.setQuery("q", filter.value);
    show();
  });
  let frame = 0;
  scroller.addEventListener(
    "scroll",
    () => {
      if (!frame)
        frame = requestAnimationFrame(() => {
          frame = 0;
          rows.scrolled();
        });
    },
    { passive: true },
  );
  new ResizeObserver(() => rows.draw(rows.known)).observe(scroller);
  body.addEventListener("click", (event) => {
    if (!spec.href || event.target.closest("a, button, input, select")) return;
    if (String(getSelection())) return;
    const tr = event.target.closest("tr[data-key]");
    const drawn = tr && rows.drawn.get(tr.dataset.key);
    if (drawn) ctx.go(spec.href(drawn.row));
  });
  setList({
    move: (step) => rows.move(step),
    open() {
      const row = rows.chosen();
      if (row && spec.href) ctx.go(spec.href(row));
    },
    filter: () => {
      filter.focus();
      filter.select();
    },
    escape() {
      if (filter.value) {
        filter.value = "";
        ctx.setQuery("q", "");
      }
      filter.blur();
      rows.current = null;
      show();
    },
  });

  return {
    node,
    tools,
    update(all, note) {
      state.all = all;
      state.note = note || "";
      soon();
    },
  };
}

function fillHead(th, column) {
  th.append(column.label || h("span.sr", null, column.name || "act"));
}

function columnsOf(spec) {
  return h(
    "colgroup",
    null,
    spec.columns.map((column) => {
      const col = h(`col.c-${column.key}${column.head ? ".head" : ""}${classes(column)}`);
      if (column.width) size(col, "width", `${column.width}px`);
      return col;
    }),
  );
}
