/* SPDX-License-Identifier: Apache-2.0
 * Each machine one cell, coloured by state; which, since when and why on hover or focus. */
import { h, say, size, toggle } from "./dom.js";
import { living, machineName } from "./store.js";
import { ORDER, mark } from "./state.js";
import { now, plural, price, spanUs } from "./words.js";

/* Fewer machines, larger cells: [at most, pixels]. */
const SIZES = [
  [36, 32],
  [52, 22],
  [240, 16],
  [700, 10],
  [Infinity, 8],
];
const MOST = 1500;

export function strip(go) {
  const node = h("div.strip", { role: "group", "aria-label": "Machines, each one cell" });
  const rest = h("a.small", { href: "/machines", hidden: true });
  const tip = h(
    "div.tip",
    { hidden: true, role: "tooltip", id: "tip" },
    h("b"),
    h("span"),
    h("span"),
  );
  const cells = new Map();
  let order = [];

  function update() {
    const machines = living();
    machines.sort(
      (a, b) =>
        ORDER.indexOf(a.phase) - ORDER.indexOf(b.phase) ||
        (a.type < b.type ? -1 : a.type > b.type ? 1 : 0) ||
        a.created_us - b.created_us,
    );
    const shown = machines.slice(0, MOST);
    const [, pixels] = SIZES.find(([most]) => shown.length <= most);
    size(node, "--cell", `${pixels}px`);
    toggle(node, "fine", pixels < 14);
    draw(shown);
    const more = machines.length - shown.length;
    say(rest, more > 0 ? `and ${plural(more, "machine")} more` : "");
    rest.hidden = more <= 0;
    node.hidden = !shown.length;
  }

  function draw(shown) {
    const keep = new Set();
    let anchor = null;
    for (const m of shown) {
      keep.add(m.id);
      let cell = cells.get(m.id);
      if (!cell) {
        cell = {
          node: h(
            "a.cell",
            { href: `/machines/${encodeURIComponent(m.id)}`, tabindex: "-1", "data-id": m.id },
            h("span", { "aria-hidden": "true" }),
          ),
          m: null,
        };
        cells.set(m.id, cell);
      }
      if (cell.m !== m) paint(cell, m);
      const next = anchor ? anchor.nextSibling : node.firstChild;
      if (next !== cell.node) node.insertBefore(cell.node, next);
      anchor = cell.node;
    }
    for (const [id, cell] of cells)
      if (!keep.has(id)) {
        cell.node.remove();
        cells.delete(id);
      }
    order = shown;
    if (order.length && !node.querySelector("[tabindex='0']")) node.firstChild.tabIndex = 0;
  }

  function paint(cell, m) {
    cell.m = m;
    cell.node.className = `cell s-${m.phase}`;
    cell.node.setAttribute("aria-label", `${machineName(m)} ${m.phase}`);
    say(cell.node.firstChild, mark(m.phase));
  }

  function show(target) {
    const cell = target && cells.get(target.dataset.id);
    tip.hidden = !cell;
    if (!cell) return;
    const { m } = cell;
    const [name, state, why] = tip.children;
    say(name, `${machineName(m)} · ${m.type} · ${price(m.price_usd_micros)}`);
    say(
      state,
      `${mark(m.phase)} ${m.phase} for ${spanUs(m.state_since_us || m.created_us, now())}` +
        (m.tasks && m.tasks.length
          ? ` · ${m.tasks.map((t) => t.name || t.id).join(", ")}`
          : ""),
    );
    say(why, m.cause || "");
    const box = target.getBoundingClientRect();
    size(tip, "top", `${box.bottom + 6}px`);
    size(tip, "left", `${Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8))}px`);
  }

  const cellOf = (event) => event.target.closest && event.target.closest(".cell");
  node.addEventListener("pointerover", (event) => show(cellOf(event)));
  node.addEventListener("pointerleave", () => show(null));
  node.addEventListener("focusin", (event) => show(cellOf(event)));
  node.addEventListener("focusout", () => show(null));
  node.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = order.findIndex((m) => cells.get(m.id).node === document.activeElement);
    const next = order[Math.max(0, Math.min(order.length - 1, at + step))];
    node.querySelectorAll("[tabindex='0']").forEach((cell) => {
      cell.tabIndex = -1;
    });
    const target = cells.get(next.id).node;
    target.tabIndex = 0;
    target.focus();
    event.preventDefault();
  });
  return { node: h("div", null, node, rest, tip), update, go };
}
