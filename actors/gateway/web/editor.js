/* SPDX-License-Identifier: Apache-2.0
 * A text with numbered lines and faults at their lines. */
import { h, replace } from "./dom.js";

const LINE = 18;

export function editor(onInput) {
  const gutter = h("div.gutter", { "aria-hidden": "true" });
  const area = h("textarea", {
    spellcheck: "false",
    autocomplete: "off",
    wrap: "off",
    "aria-label": "drover.yaml",
  });
  const node = h("div.paper", null, gutter, area);
  let faults = new Map();
  let lines = 0;

  function number() {
    lines = area.value.split("\n").length;
    replace(
      gutter,
      Array.from({ length: lines }, (_, i) => {
        const fault = faults.get(i + 1);
        return h(
          `div${fault ? (fault.warning ? ".warning" : ".fault") : ""}`,
          { title: fault ? fault.text : null },
          fault ? `${fault.warning ? "△" : "✕"} ${i + 1}` : i + 1,
        );
      }),
    );
    gutter.scrollTop = area.scrollTop;
  }

  area.addEventListener("scroll", () => {
    gutter.scrollTop = area.scrollTop;
  });
  area.addEventListener("input", () => {
    if (area.value.split("\n").length !== lines) number();
    onInput();
  });
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.shiftKey || area.readOnly) return;
    if (!area.dataset.typed) return; /* Tab leaves a field in which nothing was typed */
    event.preventDefault();
    area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
    onInput();
  });
  area.addEventListener("input", () => {
    area.dataset.typed = "1";
  });
  area.addEventListener("blur", () => {
    delete area.dataset.typed;
  });

  return {
    node,
    area,
    get: () => area.value,
    set(text) {
      area.value = text;
      number();
    },
    mark(list) {
      faults = new Map(list.map((fault) => [fault.line, fault]));
      number();
    },
    go(line) {
      const before =
        area.value
          .split("\n")
          .slice(0, line - 1)
          .join("\n").length + (line > 1 ? 1 : 0);
      const end = area.value.indexOf("\n", before);
      area.focus();
      area.setSelectionRange(before, end < 0 ? area.value.length : end);
      area.scrollTop = Math.max(0, (line - 6) * LINE);
    },
  };
}
