/* SPDX-License-Identifier: Apache-2.0
 * Dialogs: one that asks before an act and names what it does, one that explains. */
import { h, say } from "./dom.js";
import { STATES, chip } from "./state.js";

function open(node) {
  document.body.append(node);
  node.addEventListener("close", () => node.remove());
  node.addEventListener("click", (event) => {
    if (event.target === node) node.close();
  });
  node.showModal();
  return node;
}

let titles = 0;

export function box(title, ...kids) {
  const id = `dialog-${++titles}`;
  return open(h("dialog", { "aria-labelledby": id }, h("h2", { id }, title), kids));
}

/* Something to look at: wide, with a button that closes it. */
export function look(title, ...kids) {
  const close = h("button.primary", { type: "button" }, "Close");
  const dialog = box(title, kids, h("div.acts", null, close));
  dialog.classList.add("wide");
  close.addEventListener("click", () => dialog.close());
}

/* act() is a promise; its refusal is said in the dialog, which stays.
 * `verb` stands on the button. */
export function askFirst({ title, body, verb, danger, act, done }) {
  const said = h("p.bad", { role: "alert" });
  const go = h(`button${danger ? ".danger" : ".primary"}`, { type: "submit" }, verb);
  const back = h("button", { type: "button" }, "Leave it");
  const form = h(
    "form",
    { method: "dialog" },
    h("div.body", null, body),
    said,
    h("div.acts", null, back, go),
  );
  const dialog = box(title, form);
  back.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    say(said, "");
    try {
      const answer = await act();
      dialog.close();
      if (done) done(answer);
    } catch (error) {
      say(said, error.message);
      go.disabled = false;
    }
  });
  back.focus();
  return dialog;
}

const KEYS = [
  ["j  k", "next row, row before"],
  ["enter", "open the row"],
  ["/", "filter the table"],
  ["esc", "clear the filter; close"],
  ["?", "this page"],
];

export function explain() {
  const rows = (pairs) =>
    pairs.map(([key, what]) =>
      h("tr", null, h("th", { scope: "row" }, key), h("td", null, what)),
    );
  const meanings = {
    waiting: "wanted, or a task without a machine",
    booting: "launched, no worker yet",
    running: "a task is at work on it",
    idle: "up, nothing to do: goes after its idle_timeout",
    draining: "takes no new task, then goes",
    failed: "a person has to do something",
  };
  const close = h("button.primary", { type: "button" }, "Close");
  const dialog = box(
    "Keys and marks",
    h(
      "table.plain.keys",
      null,
      h("tbody", null, rows(KEYS.map(([k, w]) => [h("kbd", null, k), w]))),
    ),
    h("h3", null, "States"),
    h(
      "table.plain.keys",
      null,
      h(
        "tbody",
        null,
        rows(
          Object.keys(meanings)
            .filter((s) => STATES[s])
            .map((state) => [chip(state), meanings[state]]),
        ),
      ),
    ),
    h("p.muted", null, "A number in grey is old: the line at the top says how old."),
    h("div.acts", null, close),
  );
  close.addEventListener("click", () => dialog.close());
}

/* A line at the foot that goes by itself. */
export function toast(text) {
  const node = h("div.toast", { role: "status" }, text);
  document.body.append(node);
  setTimeout(() => node.remove(), 6000);
}
