/* SPDX-License-Identifier: Apache-2.0
 * Which rows, in which order: pure. */

export function keyOf(spec, row) {
  return spec.key(row);
}

/* "-cost": by cost, dearest first. */
export function parseSort(text, columns, otherwise) {
  const wanted = text || otherwise || columns[0].key;
  const down = wanted.startsWith("-");
  const key = down ? wanted.slice(1) : wanted;
  const column = columns.find((c) => c.key === key && c.sort) || columns.find((c) => c.sort);
  return { column, down };
}

export function nextSort(current, column) {
  const same = current.column === column;
  const down = same ? !current.down : Boolean(column.num);
  return (down ? "-" : "") + column.key;
}

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(a, b) {
  const emptyA = a === null || a === undefined || a === "";
  const emptyB = b === null || b === undefined || b === "";
  if (emptyA || emptyB) return emptyA - emptyB;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return collator.compare(a, b);
}

/* Empty values stay last in both directions; equal ones keep the order of their keys. */
export function sorted(rows, { column, down }, key) {
  if (!column) return rows;
  const keyed = rows.map((row) => [column.sort(row), key(row), row]);
  const isEmpty = (value) => value === null || value === undefined || value === "";
  keyed.sort((a, b) => {
    const turn = down && !isEmpty(a[0]) && !isEmpty(b[0]) ? -1 : 1;
    return turn * compare(a[0], b[0]) || compare(a[1], b[1]);
  });
  return keyed.map((entry) => entry[2]);
}

/* Every word must be somewhere in the row's words. */
const hay = new WeakMap();

export function filtered(rows, text, words) {
  const needles = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!needles.length) return rows;
  return rows.filter((row) => {
    let known = hay.get(row);
    if (known === undefined) {
      known = words(row).filter(Boolean).join(" ").toLowerCase();
      hay.set(row, known);
    }
    return needles.every((needle) => known.includes(needle));
  });
}
