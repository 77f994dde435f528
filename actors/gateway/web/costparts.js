/* SPDX-License-Identifier: Apache-2.0
 * Money told apart: under running tasks, while booting, idle; what has no price is said. */
import { h, size } from "./dom.js";
import { money, span } from "./words.js";
import { mark } from "./state.js";

export const total = (row) =>
  (row.run_usd_micros || 0) + (row.boot_usd_micros || 0) + (row.idle_usd_micros || 0);

export function split(row) {
  const all = total(row);
  const parts = [
    ["", row.run_usd_micros],
    [".boot", row.boot_usd_micros],
    [".idle", row.idle_usd_micros],
  ];
  return h(
    "span.split",
    {
      role: "img",
      "aria-label": `${money(row.run_usd_micros)} run, ${money(
        row.boot_usd_micros,
      )} boot, ${money(row.idle_usd_micros)} idle`,
    },
    all
      ? parts.map(([cls, part]) => size(h(`i${cls}`), "flex", `${(part || 0) / all} 1 0`))
      : null,
  );
}

export function unpriced(row) {
  return row.unpriced_ms ? `${span(row.unpriced_ms)} of unknown price` : "";
}

/* As in the bar, where colour alone could not say it. */
const swatch = (state) => h(`span.mark.s-${state}`, { "aria-hidden": "true" }, mark(state));

export function costBox(row, what) {
  if (!row) return h("p.muted", null, "No cost is known yet.");
  const only = !total(row) && row.unpriced_ms;
  return h(
    "div",
    null,
    h("div.big", null, only ? "price unknown" : money(total(row))),
    h("div.sub", null, what),
    split(row),
    h(
      "dl.facts",
      null,
      h("dt", null, swatch("running"), "running"),
      h("dd.num", null, money(row.run_usd_micros)),
      h("dt", null, swatch("booting"), "booting"),
      h("dd.num", null, money(row.boot_usd_micros)),
      h("dt", null, swatch("idle"), "idle"),
      h("dd.num", null, money(row.idle_usd_micros)),
      row.unpriced_ms ? [h("dt", null, "beside it"), h("dd", null, unpriced(row))] : null,
    ),
  );
}
