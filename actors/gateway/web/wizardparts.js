/* SPDX-License-Identifier: Apache-2.0
 * What several of the wizard's screens are made of: secrets, tests, lists of sections. */
import { h, replace } from "./dom.js";
import { findingList } from "./findings.js";

export function secret(w, label, where, key, props) {
  const id = `s-${key}-${Math.abs(JSON.stringify(where).length)}-${w.ids++}`;
  const input = h(props && props.long ? "textarea" : "input", {
    id,
    autocomplete: "off",
    spellcheck: "false",
    type: props && props.long ? null : props && props.open ? "text" : "password",
    rows: props && props.long ? 4 : null,
    value: where[key] || "",
  });
  input.addEventListener("input", () => {
    if (input.value) where[key] = input.value;
    else delete where[key];
  });
  return h(
    "div.field",
    null,
    h("label", { for: id }, label),
    input,
    h(
      "div.hint",
      null,
      (props && props.hint) || "goes into a file of mode 0600, never into drover.yaml",
    ),
  );
}

/* account: one of the answers; its name is the one of now. */
export function tester(w, word, what, account) {
  const out = h("div", { "aria-live": "polite" });
  const button = h(
    "button",
    {
      type: "button",
      onclick: async () => {
        button.disabled = true;
        replace(out, h("p.muted", null, "Asking…"));
        replace(out, findingList(await w.test(what, account && account.name)));
        button.disabled = false;
      },
    },
    word,
  );
  return h("div", null, button, out);
}

/* A list of sections, as many as wished. */
export function many(w, { list, section, noun, first, fresh, shown, also }) {
  const items = (w.answers[list] = w.answers[list] || []);
  if (!items.length && fresh) items.push(fresh(0));
  const box = items.map((item, i) => {
    const head = h("h3", null, item.name || `${noun} ${i + 1}`);
    const drop = h(
      "button",
      {
        type: "button",
        onclick() {
          items.splice(i, 1);
          w.redraw();
        },
      },
      `Remove ${item.name || `${noun} ${i + 1}`}`,
    );
    return h(
      "section.many",
      { "aria-label": `${noun} ${i + 1}` },
      h("div.title", null, head, h("div.acts", null, items.length > 1 || !fresh ? drop : null)),
      w.form.section(w.schema, section, `${list}[${i}]`, first, shown(item)),
      also ? also(item, i) : null,
    );
  });
  const add = h(
    "button",
    {
      type: "button",
      onclick() {
        items.push(fresh(items.length));
        w.redraw();
      },
    },
    `Add another ${noun}`,
  );
  return h("div", null, box, fresh ? add : null);
}

export const accountOf = (w, item) =>
  (w.answers.accounts || []).find((a) => a.name === item.account);
