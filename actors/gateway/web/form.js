/* SPDX-License-Identifier: Apache-2.0
 * Fields made from the configuration's schema. A field knows its path (machine_types[0].name),
 * takes its value from the answers and puts it back there; an empty field is no answer. */
import { h, put, replace, say } from "./dom.js";
import { asked } from "./schema.js";

/* Texts of more than one line. */
const LONG = new Set(["init_script", "extra_clearml_conf", "extra_configurations"]);

/* "machine_types[0].name" in answers. */
const steps = (path) =>
  path
    .replace(/\[(\d+)\]/g, ".$1")
    .split(".")
    .filter(Boolean);

export function read(answers, path) {
  return steps(path).reduce(
    (at, key) => (at === undefined || at === null ? undefined : at[key]),
    answers,
  );
}

export function write(answers, path, value) {
  const keys = steps(path);
  const last = keys.pop();
  let at = answers;
  for (const key of keys) {
    if (at[key] === undefined) at[key] = {};
    at = at[key];
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
}

/* A section of which nothing is said is left out of the file. */
export function pruned(value) {
  if (Array.isArray(value)) return value.map(pruned);
  if (!value || typeof value !== "object") return value;
  const entries = Object.entries(value)
    .map(([key, item]) => [key, pruned(item)])
    .filter(
      ([, item]) =>
        item !== undefined && !(item && typeof item === "object" && !Object.keys(item).length),
    );
  return Object.fromEntries(entries);
}

function inputOf(field, id, value, choices) {
  const base = { id, "aria-describedby": `${id}-hint ${id}-fault`, "data-field": field.key };
  const words = field.kind === "word" ? field.words : choices;
  if (words) {
    const first = field.default ? `${field.default} (default)` : "choose…";
    return h(
      "select",
      base,
      h("option", { value: "" }, first),
      words.map((word) => h("option", { value: word, selected: word === value }, word)),
    );
  }
  if (field.kind === "switch") {
    const on = value === undefined ? field.default === "true" : value;
    return h("input", { ...base, type: "checkbox", checked: Boolean(on) });
  }
  if (field.kind === "texts" || LONG.has(field.key)) {
    const text = Array.isArray(value) ? value.join("\n") : value || "";
    return h("textarea", {
      ...base,
      rows: field.kind === "texts" ? 2 : 4,
      spellcheck: "false",
      value: text,
    });
  }
  const numeric = field.kind === "number" || field.kind === "dollars";
  return h("input", {
    ...base,
    type: "text",
    value: value === undefined ? "" : value,
    inputmode: numeric ? "decimal" : null,
    placeholder: field.default || null,
    autocomplete: "off",
    spellcheck: "false",
  });
}

function valueOf(field, input) {
  if (field.kind === "switch") {
    return String(input.checked) === (field.default || "false") ? undefined : input.checked;
  }
  const text = input.value.trim();
  if (field.kind === "texts") {
    const list = input.value
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    return list.length ? list : undefined;
  }
  if (text === "") return undefined;
  const numeric = field.kind === "number" || field.kind === "dollars";
  return numeric && /^-?[0-9]+([.][0-9]+)?$/.test(text)
    ? Number(text)
    : LONG.has(field.key)
      ? input.value
      : text;
}

/* Without the cloud's name, which the page around it says, and the numbers of the promises. */
function plainMeaning(field) {
  return field.meaning.replace(/^(aws|local): /, "").replace(/ \((see )?P[0-9]+\)/g, "");
}

/* Below a field: what it means, an example, the page that tells more. */
export function meaningOf(meaning, example, link) {
  return [
    meaning,
    example ? [" · e.g. ", h("code", null, example)] : null,
    link && link.startsWith("http")
      ? [" · ", h("a", { href: link, target: "_blank", rel: "noreferrer" }, "the vendor's page ↗")]
      : link
        ? ` · see ${link.split("#")[0]}`
        : null,
  ];
}

/* form: {answers, changed(path), left(path, anew), choices(section, field, path), extra(…)} */
export class Form {
  constructor(answers, hooks) {
    this.answers = answers;
    this.hooks = hooks;
    this.fields = new Map();
    this.touched = new Set();
    this.faults = [];
  }

  field(section, field, path) {
    const id = `f-${path.replace(/\W+/g, "-")}`;
    const { example: shown, link } = field;
    const meaning = plainMeaning(field);
    const plain = ["switch", "word"].includes(field.kind) || field.meaning.includes("e.g.");
    const example = plain ? "" : shown;
    const choices = this.hooks.choices(section, field, path);
    const input = inputOf(field, id, read(this.answers, path), choices);
    const fault = h("div.fault", { id: `${id}-fault`, hidden: true });
    const label = h(
      "label",
      { for: id, title: `${field.key}: ${meaning}${example ? `, e.g. ${example}` : ""}` },
      field.label || field.key.replace(/_/g, " "),
      field.required ? h("span.muted", null, " · needed") : null,
    );
    const hint = h("div.hint", { id: `${id}-hint` }, meaningOf(meaning, example, link));
    const extra = h("div.hint");
    const show = () =>
      replace(extra, this.hooks.extra(section, field, read(this.answers, path), input) || "");
    input.addEventListener("input", () => {
      write(this.answers, path, valueOf(field, input));
      show();
      this.hooks.changed(path);
    });
    input.addEventListener("change", () => {
      this.touched.add(path);
      this.hooks.left(path, true);
    });
    input.addEventListener("blur", () => {
      this.touched.add(path);
      this.hooks.left(path);
    });
    this.fields.set(path, { input, fault });
    show();
    return h("div.field", null, label, input, hint, extra, fault);
  }

  /* Fields of one section: `first` in this order, the others behind "More settings". */
  section(schema, name, path, first, shown) {
    const plain = schema.sections[name].fields.filter(
      (f) => f.kind !== "sections" && asked(f) && shown(f),
    );
    const main = first.map((key) => plain.find((f) => f.key === key)).filter(Boolean);
    const rest = plain.filter((f) => !main.includes(f));
    const details = rest.length
      ? h(
          "details",
          null,
          h("summary", null, `More settings (${rest.length})`),
          this.group(schema, name, path, rest),
        )
      : null;
    return h("div", null, this.group(schema, name, path, main), details);
  }

  /* Single fields side by side, then each section on its own lines. */
  group(schema, name, path, fields) {
    const at = (field) => (path ? `${path}.${field.key}` : field.key);
    const single = fields.filter((f) => f.kind !== "section");
    const sections = fields.filter((f) => f.kind === "section");
    return [
      h(
        "div.two",
        null,
        single.map((f) => this.field(name, f, at(f))),
      ),
      sections.map((field) =>
        h(
          "fieldset",
          null,
          h("legend", null, h("h3", null, field.label || field.key.replace(/_/g, " "))),
          h("p.hint.muted.small", null, plainMeaning(field)),
          h(
            "div.two",
            null,
            schema.sections[field.of].fields
              .filter(asked)
              .map((f) => this.field(field.of, f, `${at(field)}.${f.key}`)),
          ),
        ),
      ),
    ];
  }

  /* Answers a question that nobody answered yet. */
  offer(path, value) {
    if (!value || read(this.answers, path) !== undefined) return;
    write(this.answers, path, value);
    const field = this.fields.get(path);
    if (field) field.input.value = value;
  }

  forget() {
    this.fields.clear();
  }

  /* A fault is said at its field once that was left; all: also at fields never seen. */
  show(faults, all) {
    this.faults = faults;
    for (const [path, { input, fault }] of this.fields) {
      const mine = faults.find((f) => f.path === path);
      const on = Boolean(mine) && (all || this.touched.has(path));
      say(fault, on ? mine.text : "");
      fault.hidden = !on;
      put(input, "aria-invalid", on ? "true" : null);
    }
  }
}
