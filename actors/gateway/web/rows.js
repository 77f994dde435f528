/* SPDX-License-Identifier: Apache-2.0
 * Of many rows only those in sight are drawn; what is above and below is two empty rows of their
 * height. A row is drawn anew only when its object is another one. */
import { h, size } from "./dom.js";
import { keyOf } from "./order.js";

const OVERSCAN = 8;

/* tall: two lines of text on a phone, which has no room for them in one (parts.css). */
export function rowHeight(tall) {
  return matchMedia("(max-width: 640px)").matches ? (tall ? 56 : 40) : 32;
}

export class Rows {
  constructor(body, scroller, spec) {
    this.body = body;
    this.scroller = scroller;
    this.spec = spec;
    this.drawn = new Map();
    this.known = null;
    this.rows = [];
    this.current = null;
    /* One cell: over all columns it would make room for those that a phone leaves out. */
    this.above = h("tr.spacer", { "aria-hidden": "true" }, h("td"));
    this.below = this.above.cloneNode(true);
    body.append(this.above, this.below);
  }

  set(rows) {
    const before = this.known;
    this.rows = rows;
    this.known = new Set(rows.map((row) => keyOf(this.spec, row)));
    this.draw(before);
  }

  /* before: keys that were there; the others fade in. */
  draw(before) {
    const height = rowHeight(this.spec.tall);
    const top = this.scroller.scrollTop;
    const inSight = Math.ceil((this.scroller.clientHeight || 600) / height);
    const last = Math.max(0, this.rows.length - inSight);
    const first = Math.max(0, Math.min(last, Math.floor(top / height)) - OVERSCAN);
    const end = Math.min(this.rows.length, first + inSight + 2 * OVERSCAN);
    const keep = new Set();
    let anchor = this.above;
    for (let i = first; i < end; i++) {
      const key = keyOf(this.spec, this.rows[i]);
      const tr = this.row(key, this.rows[i], i, before);
      keep.add(key);
      if (anchor.nextSibling !== tr) anchor.after(tr);
      anchor = tr;
    }
    for (const [key, drawn] of this.drawn) {
      if (keep.has(key)) continue;
      drawn.tr.remove();
      this.drawn.delete(key);
    }
    size(this.above.firstChild, "height", `${first * height}px`);
    size(this.below.firstChild, "height", `${(this.rows.length - end) * height}px`);
    this.above.hidden = first === 0;
    this.below.hidden = end === this.rows.length;
  }

  row(key, row, index, before) {
    let drawn = this.drawn.get(key);
    if (!drawn) {
      drawn = { tr: h("tr", { "data-key": key }), row: null };
      if (before && !before.has(key)) drawn.tr.classList.add("fresh");
      this.drawn.set(key, drawn);
    }
    if (drawn.row !== row) {
      drawn.row = row;
      drawn.tr.replaceChildren(...this.spec.columns.map((column) => cell(column, row)));
    }
    const place = String(index + 2);
    if (drawn.tr.getAttribute("aria-rowindex") !== place) {
      drawn.tr.setAttribute("aria-rowindex", place);
    }
    mark(drawn.tr, key === this.current);
    return drawn.tr;
  }

  /* The row that the keyboard is on; -1 or +1 moves it. */
  move(step) {
    if (!this.rows.length) return;
    const keys = this.rows.map((row) => keyOf(this.spec, row));
    const now = keys.indexOf(this.current);
    const next =
      now < 0
        ? step > 0
          ? 0
          : keys.length - 1
        : Math.max(0, Math.min(keys.length - 1, now + step));
    this.current = keys[next];
    this.reveal(next);
    this.draw(this.known);
  }

  reveal(index) {
    const height = rowHeight(this.spec.tall);
    const { scrollTop, clientHeight } = this.scroller;
    const head = height;
    if (index * height < scrollTop) this.scroller.scrollTop = index * height;
    else if ((index + 1) * height + head > scrollTop + clientHeight) {
      this.scroller.scrollTop = (index + 1) * height + head - clientHeight;
    }
  }

  chosen() {
    return this.rows.find((row) => keyOf(this.spec, row) === this.current) || null;
  }

  forget() {
    this.current = null;
    this.draw(this.known);
  }
}

function mark(tr, on) {
  if (on && !tr.hasAttribute("aria-current")) tr.setAttribute("aria-current", "true");
  if (!on && tr.hasAttribute("aria-current")) tr.removeAttribute("aria-current");
}

export function cell(column, row) {
  return h(
    `${column.head ? "th" : "td"}${classes(column)}`,
    column.head ? { scope: "row" } : null,
    column.cell(row),
  );
}

export function classes(column) {
  return `${column.num ? ".num" : ""}${column.p ? `.p${column.p}` : ""}${
    column.cls ? `.${column.cls}` : ""
  }`;
}
