/* SPDX-License-Identifier: Apache-2.0
 * Money told apart: under running tasks, while booting, idle; what has no price is said. */
import { h, size } from "./dom.js";
import { money, span } from "./words.js";
import { mark } from "./state.js";

export const PARTS = [
  ["running", "run_usd_micros"],
  ["booting", "boot_usd_micros"],
  ["idle", "idle_usd_micros"],
];

export const total = (row) =>
  (row.run_usd_micros || 0) + (row.boot_usd_micros || 0) + (row.idle_usd_micros || 0);

/* most: the dearest row's, whose bar is as long as there is room; the others' are in proportion. */
export function split(row, most) {
  const all = total(row);
  const bar = h(
    `span.split${most > 0 ? ".scaled" : ""}`,
    {
      role: "img",
      "aria-label": `${money(row.run_usd_micros)} run, ${money(
        row.boot_usd_micros,
      )} boot, ${money(row.idle_usd_micros)} idle`,
    },
    all
      ? PARTS.map(([state, key]) =>
          size(h(`i.${state}`), "flex", `${(row[key] || 0) / all} 1 0`),
        )
      : null,
  );
  return most > 0 ? size(bar, "width", `${(100 * all) / most}%`) : bar;
}

export function unpriced(row) {
  return row.unpriced_ms ? `${span(row.unpriced_ms)} of unknown price` : "";
}

/* As in the bar, where colour alone could not say it. */
export const swatch = (state) =>
  h(`span.mark.s-${state}`, { "aria-hidden": "true" }, mark(state));

export function costBox(row, what) {
  if (!row) return h("p.muted", null, "No cost is known yet.");
  const only = !total(row) && row.unpriced_ms;
  return h(
    "div",
    null,
    h("div.big", null, only ? "price unknown" : money(total(row))),
    h("div.sub", null, only ? `for ${span(row.unpriced_ms)}, in no sum` : what),
    only ? null : split(row),
    only
      ? null
      : h(
          "dl.facts",
          null,
          PARTS.map(([state, key]) => [
            h("dt", null, swatch(state), state),
            h("dd.num", null, money(row[key])),
          ]),
          row.unpriced_ms ? [h("dt", null, "beside it"), h("dd", null, unpriced(row))] : null,
        ),
  );
}
