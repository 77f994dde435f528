/* SPDX-License-Identifier: Apache-2.0
 * Lines that went and came between two texts. Pure but for diffView. */
import { h } from "./dom.js";

const AROUND = 3;

/* [[" " | "+" | "-", line]]; the longest common subsequence of what differs. */
export function diffLines(before, after) {
  const a = before.split("\n");
  const b = after.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let enda = a.length;
  let endb = b.length;
  while (enda > start && endb > start && a[enda - 1] === b[endb - 1]) {
    enda--;
    endb--;
  }
  const same = (list, from, to) => list.slice(from, to).map((line) => [" ", line]);
  return [
    ...same(a, 0, start),
    ...middle(a.slice(start, enda), b.slice(start, endb)),
    ...same(a, enda, a.length),
  ];
}

function middle(a, b) {
  const wide = b.length + 1;
  const best = new Uint32Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      best[i * wide + j] =
        a[i] === b[j]
          ? best[(i + 1) * wide + j + 1] + 1
          : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
    }
  }
  const out = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push([" ", a[i++]]);
      j++;
    } else if (
      i < a.length &&
      (j >= b.length || best[(i + 1) * wide + j] >= best[i * wide + j + 1])
    ) {
      out.push(["-", a[i++]]);
    } else out.push(["+", b[j++]]);
  }
  return out;
}

export function diffView(before, after) {
  const lines = diffLines(before, after);
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - AROUND), i + AROUND + 1).some(([sign]) => sign !== " "),
  );
  const out = [];
  let skipped = 0;
  const flush = () => {
    if (skipped) out.push(h("div.skip-lines", null, `  … ${skipped} lines the same`));
    skipped = 0;
  };
  lines.forEach(([sign, line], i) => {
    if (!near[i]) {
      skipped++;
      return;
    }
    flush();
    out.push(
      h(`div${sign === "+" ? ".plus" : sign === "-" ? ".minus" : ""}`, null, `${sign} ${line}`),
    );
  });
  flush();
  const any = lines.some(([sign]) => sign !== " ");
  return h(
    "pre.diff",
    { tabindex: "0", role: "region", "aria-label": "Differences" },
    any ? out : h("div.skip-lines", null, "No difference."),
  );
}
