/* SPDX-License-Identifier: Apache-2.0
 * Of many rows only those in sight are drawn; what is above and below is two empty rows of their
 * height. A row is drawn anew only when its object is another one; what left the sight is drawn
 * upon again. */
import { h, put, replace, size } from "./dom.js";
import { keyOf } from "./order.js";

const OVERSCAN = 8;
const LEAST = 2; /* rows that are drawn beyond those in sight before more are */
const phone = matchMedia("(max-width: 640px)");

/* tall: two lines of text on a phone, which has no room for them in one (parts.css). */
export function rowHeight(tall) {
  return phone.matches ? (tall ? 56 : 40) : 32;
}

export class Rows {
  constructor(body, scroller, spec) {
    this.body = body;
    this.scroller = scroller;
    this.spec = spec;
    this.drawn = new Map();
    this.known = null;
    this.rows = [];
    this.span = [0, 0]; /* the indices that are drawn: [first, end) */
    this.spares = new Set(); /* of rows that left the sight */
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

  /* The indices in sight: [first, end). */
  sight() {
    const height = rowHeight(this.spec.tall);
    const inSight = Math.ceil((this.scroller.clientHeight || 600) / height);
    const last = Math.max(0, this.rows.length - inSight);
    const first = Math.min(last, Math.floor(this.scroller.scrollTop / height));
    return [first, Math.min(this.rows.length, first + inSight)];
  }

  /* Draws only when what is drawn already ends soon. */
  scrolled() {
    const [first, end] = this.sight();
    const [from, to] = this.span;
    if (first - LEAST < from && from > 0) this.draw(this.known);
    else if (end + LEAST > to && to < this.rows.length) this.draw(this.known);
  }

  /* before: keys that were there; the others fade in. */
  draw(before) {
    const height = rowHeight(this.spec.tall);
    const sight = this.sight();
    const first = Math.max(0, sight[0] - OVERSCAN);
    const end = Math.min(this.rows.length, sight[1] + OVERSCAN);
    const seen = this.rows.slice(first, end).map((row) => [keyOf(this.spec, row), row]);
    this.span = [first, end];
    this.spare(new Set(seen.map(([key]) => key)));
    let anchor = this.above;
    seen.forEach(([key, row], i) => {
      const tr = this.place(key, anchor);
      this.row(key, row, first + i, before);
      anchor = tr;
    });
    this.spares.forEach((tr) => tr.remove());
    size(this.above.firstChild, "height", `${first * height}px`);
    size(this.below.firstChild, "height", `${(this.rows.length - end) * height}px`);
    this.above.hidden = first === 0;
    this.below.hidden = end === this.rows.length;
  }

  spare(keep) {
    this.spares = new Set();
    for (const [key, drawn] of this.drawn) {
      if (keep.has(key)) continue;
      this.spares.add(drawn.tr);
      this.drawn.delete(key);
    }
  }

  /* The row of this key, after the anchor. One that stays is not moved: to be put back in is to be
   * laid out anew. */
  place(key, anchor) {
    const known = this.drawn.get(key);
    let next = anchor.nextSibling;
    if (known) {
      for (; this.spares.has(next); next = anchor.nextSibling) next.remove();
      if (next !== known.tr) anchor.after(known.tr);
      return known.tr;
    }
    const [any] = this.spares;
    const tr = this.spares.has(next) ? next : any || this.fresh();
    this.spares.delete(tr);
    if (tr !== next) anchor.after(tr);
    tr.dataset.key = key;
    tr.className = "";
    this.drawn.set(key, { tr, row: null, anew: true });
    return tr;
  }

  fresh() {
    const cells = this.spec.columns.map((column) =>
      h(
        `${column.head ? "th" : "td"}${classes(column)}`,
        column.head ? { scope: "row" } : null,
      ),
    );
    return h("tr", null, cells);
  }

  row(key, row, index, before) {
    const drawn = this.drawn.get(key);
    const { tr } = drawn;
    if (drawn.anew && before && !before.has(key)) tr.classList.add("fresh");
    drawn.anew = false;
    if (drawn.row !== row) {
      drawn.row = row;
      this.spec.columns.forEach((column, i) => write(tr.children[i], column.cell(row)));
    }
    put(tr, "aria-rowindex", index + 2);
    put(tr, "aria-current", key === this.current ? "true" : null);
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
}

/* A text over a text needs no new node. */
function write(node, content) {
  const [child] = node.childNodes;
  const plain = typeof content === "string" || typeof content === "number";
  if (plain && node.childNodes.length === 1 && child.nodeType === Node.TEXT_NODE) {
    if (child.data !== String(content)) child.data = content;
  } else replace(node, content);
}

export function classes(column) {
  return `${column.num ? ".num" : ""}${column.p ? `.p${column.p}` : ""}${
    column.cls ? `.${column.cls}` : ""
  }`;
}
