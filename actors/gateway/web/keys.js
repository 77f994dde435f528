/* SPDX-License-Identifier: Apache-2.0
 * The keyboard: j k move, enter opens, / filters, esc goes back one step, ? explains. */

let list = null;
let help = null;

export function setList(next) {
  list = next;
}
export function setHelp(show) {
  help = show;
}

const typing = (node) =>
  node && (node.isContentEditable || /^(input|textarea|select)$/i.test(node.tagName));

export function start() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (typing(event.target)) return inField(event);
    act(event);
  });
}

/* In the filter: esc clears it, enter and the arrows go to the rows. */
function inField(event) {
  if (!list || !event.target.classList.contains("filter")) return;
  if (event.key === "Escape") list.escape();
  else if (event.key === "ArrowDown" || event.key === "Enter") {
    event.target.blur();
    list.move(1);
    event.preventDefault();
  }
}

function act(event) {
  const onControl = event.target.closest && event.target.closest("a, button, summary");
  const acts = {
    j: () => list && list.move(1),
    k: () => list && list.move(-1),
    "/": () => list && list.filter(),
    "?": () => help && help(),
    Enter: () => {
      if (list && !onControl) list.open();
    },
    Escape: () => list && list.escape(),
  };
  if (!acts[event.key]) return;
  if (event.key === "/" || event.key === "?") event.preventDefault();
  acts[event.key]();
}
