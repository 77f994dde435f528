/* SPDX-License-Identifier: Apache-2.0
 * The overview's queues: those that wait first, each with its reason, as many as the box holds. */
import { h, replace } from "./dom.js";
import { store } from "./store.js";
import { absolute, count, now, plural, spanUs } from "./words.js";
import { mark, verdictState } from "./state.js";
import { told } from "./told.js";

const ROW = 28;
const REASON = 38;
const PHONE = 600; /* there the box is as high as its rows */

export function available(q) {
  return q.max ? `${count(q.available)} of ${count(q.max)}` : count(q.available);
}

export function queueUrl(q) {
  return `/queues/${encodeURIComponent(q.name)}`;
}

const WAITS = ["failed", "waiting", "booting"];

/* Will not start at all, waits for something, waits for machines that come, then works, then by
 * name. */
export function rank(q) {
  if (q.waiting) {
    const paused = q.paused && q.paused.since_us;
    const at = WAITS.indexOf(paused ? "waiting" : verdictState(q.verdict));
    return at < 0 ? WAITS.length : at;
  }
  return !q.known ? 4 : q.running || q.booting ? 5 : 6;
}

export function reasonOf(q) {
  if (q.paused && q.paused.since_us) {
    return `starting is paused${q.paused.by ? ` by ${q.paused.by}` : ""}${
      q.paused.sentence ? `: ${q.paused.sentence}` : ""
    }`;
  }
  return q.waiting || !q.known ? told(q.sentence) : "";
}

function rowOf(q, reason) {
  const longest = q.waiting && q.oldest_us ? spanUs(q.oldest_us, now()) : "";
  return h(
    `tr${reason ? ".has-reason" : ""}`,
    null,
    h("th", { scope: "row" }, h("a", { href: queueUrl(q) }, q.name)),
    h("td.num", null, count(q.waiting)),
    h("td.num", { title: longest ? absolute(q.oldest_us) : null }, longest || "–"),
    h("td.num", null, count(q.running)),
    h("td.num", null, available(q)),
  );
}

export function queueBox() {
  const body = h("tbody");
  const more = h("p.more.small");
  const node = h(
    "section.panel.queuebox",
    { "aria-label": "Queues" },
    h(
      "table",
      null,
      h("caption.sr", null, "Queues: what waits and why"),
      h(
        "colgroup",
        null,
        [0, 1, 2, 3, 4].map(() => h("col")),
      ),
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          ["queue", "waiting", "longest", "running", "available"].map((word, i) =>
            h(`th${i ? ".num" : ""}`, { scope: "col" }, word),
          ),
        ),
      ),
      body,
    ),
    more,
  );
  let shown = "";

  function update() {
    const queues = [...store.queues.values()].sort(
      (a, b) =>
        rank(a) - rank(b) || (b.waiting || 0) - (a.waiting || 0) || (a.name < b.name ? -1 : 1),
    );
    let room = innerWidth <= 900 ? PHONE : (node.clientHeight || 400) - 64;
    const rows = [];
    let count = 0;
    for (const q of queues) {
      const reason = reasonOf(q);
      room -= ROW + (reason ? REASON : 0);
      if (room < 0 && count) break;
      rows.push(rowOf(q, reason));
      if (reason) rows.push(reasonRow(q, reason));
      count++;
    }
    const left = queues.length - count;
    const text = rows.map((row) => row.textContent).join("|") + left;
    if (text === shown) return;
    shown = text;
    replace(body, rows);
    replace(
      more,
      left > 0 ? h("a", { href: "/queues" }, `${plural(left, "more queue")} →`) : null,
      queues.length ? null : "No queue is configured.",
    );
  }
  return { node, update };
}

function reasonRow(q, reason) {
  const state = verdictState(q.verdict);
  return h(
    "tr",
    null,
    h(
      "td.reason",
      { colspan: "5" },
      h(
        "span.lines",
        { title: reason },
        h(`span.mark.s-${state}`, { "aria-hidden": "true" }, mark(state)),
        reason,
      ),
    ),
  );
}
