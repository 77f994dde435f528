/* SPDX-License-Identifier: Apache-2.0
 * What several of the wizard's screens are made of: secrets, tests, lists of sections. */
import { copyButton, h, replace } from "./dom.js";
import { findingList } from "./findings.js";
import { meaningOf } from "./form.js";

/* Texts of more than one line. */
const LONG = new Set(["ssh_private_key", "storage_conf"]);

/* A question of the schema's for what a file of secrets holds; where[name] takes the answer. */
export function secret(w, file, key, where, name = key, also = "") {
  const row = w.schema.secrets.find((s) => s.file === file && s.key === key);
  const id = `s-${key}-${w.ids++}`;
  const long = LONG.has(key);
  const input = h(long ? "textarea" : "input", {
    id,
    "aria-describedby": `${id}-hint`,
    autocomplete: "off",
    spellcheck: "false",
    type: long ? null : row.hidden ? "password" : "text",
    rows: long ? 4 : null,
    value: where[name] || "",
  });
  input.addEventListener("input", () => {
    if (input.value) where[name] = input.value;
    else delete where[name];
  });
  return h(
    "div.field",
    null,
    h("label", { for: id, title: `${key}: ${row.meaning}` }, row.label),
    input,
    h(
      "div.hint",
      { id: `${id}-hint` },
      meaningOf(row.meaning, long ? "" : row.example, row.link),
      also ? ` · ${also}` : null,
      row.hidden ? h("div", null, "goes into a file of mode 0600, never into drover.yaml") : null,
    ),
  );
}

/* What a person grants in the cloud; the deployment's name is the one of now. */
export function rights(w, cloud) {
  const name = w.answers.deployment || "my-drover";
  const policy = (w.rights[cloud] || "").replaceAll("my-drover", name);
  if (!policy) return null;
  return h(
    "details",
    null,
    h("summary", null, "The rights that Drover needs there, ready to paste"),
    h(
      "p.hint",
      null,
      "A policy of the user or role whose keys Drover gets. ",
      copyButton(policy, "the policy"),
    ),
    h("pre.mono", { tabindex: "0", role: "region", "aria-label": "policy" }, policy),
  );
}

/* account: one of the answers; its name is the one of now. A screen that is drawn anew meanwhile
 * goes on waiting for the answer. */
export function tester(w, word, what, account) {
  const out = h("div", { "aria-live": "polite" });
  const about = account || what;
  const begin = () => {
    const test = w.tests.get(about) || w.test(what, account);
    w.tests.set(about, test);
    test.finally(() => w.tests.delete(about));
    return wait(test);
  };
  const button = h("button", { type: "button", onclick: begin }, word);
  const wait = async (test) => {
    button.disabled = true;
    replace(out, h("p.muted", null, "Asking…"));
    replace(out, findingList(await test));
    button.disabled = false;
  };
  w.testers.set(about, begin);
  if (w.tests.has(about)) wait(w.tests.get(about));
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
        /* One in the midst may have gone: the next name is not the count's. */
        let n = items.length;
        let item = fresh(n);
        while (items.some((other) => other.name === item.name)) item = fresh(++n);
        items.push(item);
        w.redraw();
      },
    },
    `Add another ${noun}`,
  );
  return h("div", null, box, fresh ? add : null);
}

export const accountOf = (w, item) =>
  (w.answers.accounts || []).find((a) => a.name === item.account);
