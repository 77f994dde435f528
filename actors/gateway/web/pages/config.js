/* SPDX-License-Identifier: Apache-2.0
 * drover.yaml: seen, changed, checked, compared, applied; its history; who may come in. */
import { download, h, put, replace, say } from "../dom.js";
import { Refusal, get, mayWrite, post, putTo } from "../api.js";
import { box, askFirst, look, toast } from "../dialog.js";
import { editor } from "../editor.js";
import { diffView } from "../diff.js";
import { limit, plural } from "../words.js";
import { versions } from "../versions.js";
import { access } from "../access.js";

const CHECK_MS = 500;
const CENT = 10000; /* micros; the most is rounded up, as in its sentence */
const TABS = [
  ["", "File"],
  ["history", "History"],
  ["access", "Access"],
];

export default function config(ctx) {
  const tabs = h("div.tabs", { role: "group", "aria-label": "Parts" });
  const hole = h("div");
  const file = filePart(ctx);
  const parts = {
    "": () => file.node,
    history: () =>
      versions({
        current: file.saved,
        restore(text, n) {
          show("");
          file.set(text);
          toast(`Version ${n} is in the editor; nothing is applied yet.`);
        },
      }),
    access: () => access(),
  };
  const buttons = TABS.map(([name, word]) => {
    const button = h("button", { type: "button", onclick: () => show(name) }, word);
    tabs.append(button);
    return [name, button];
  });

  function show(name) {
    ctx.setQuery("tab", name);
    for (const [key, button] of buttons) put(button, "aria-pressed", String(key === name));
    replace(hole, (parts[name] || parts[""])());
  }
  ctx.onLeave(file.leave);
  return {
    title: "Config",
    shown() {
      show(ctx.query.get("tab") || "");
      file.load();
    },
    node: [
      h(
        "div.title",
        null,
        h("h1", null, "Config"),
        tabs,
        h("div.acts", null, h("a", { href: "/wizard" }, "Open the wizard")),
      ),
      hole,
    ],
  };
}

function filePart() {
  let base = { text: "", hash: "", path: "", writable: false };
  let timer = 0;
  let turn = 0;
  let faulty = false;
  const said = h("p", { "aria-live": "polite" });
  const list = h("ul.faults");
  const most = h("div");
  const paper = editor(() => {
    clearTimeout(timer);
    timer = setTimeout(check, CHECK_MS);
    buttons();
  });
  const apply = h("button.primary", { type: "button", onclick: () => askApply() }, "Apply…");
  const undo = h(
    "button",
    { type: "button", onclick: () => set(base.text) },
    "Undo all changes",
  );
  const compare = h(
    "button",
    {
      type: "button",
      onclick: () => look("What differs from the file", diffView(base.text, paper.get())),
    },
    "Compare",
  );
  const input = h("input.sr", {
    type: "file",
    id: "import",
    accept: ".yaml,.yml,text/yaml",
    tabindex: "-1",
    "aria-hidden": "true",
  });
  const load = h("button", { type: "button", onclick: () => input.click() }, "Import…");
  const save = h(
    "button",
    { type: "button", onclick: () => download("drover.yaml", "text/yaml", paper.get()) },
    "Export",
  );
  input.addEventListener("change", async () => {
    if (input.files[0]) set(await input.files[0].text());
    input.value = "";
  });
  const node = h(
    "div.editor",
    null,
    paper.node,
    h(
      "div",
      null,
      h("div.acts", null, apply, compare, undo, load, save, input),
      said,
      list,
      most,
    ),
  );

  function set(text) {
    paper.set(text);
    buttons();
    check();
  }

  function buttons() {
    const dirty = paper.get() !== base.text;
    apply.disabled = !dirty || faulty || !mayWrite() || !base.writable;
    undo.disabled = compare.disabled = !dirty;
    paper.area.readOnly = !mayWrite();
  }

  async function check() {
    const mine = ++turn;
    try {
      const answer = await post("config/check", { text: paper.get() });
      if (mine === turn) showCheck(answer);
    } catch (error) {
      if (mine === turn) say(said, error.message);
    }
  }

  function showCheck({ errors = [], most: cost }) {
    const bad = errors.filter((e) => !e.warning).length;
    const warned = errors.length - bad;
    faulty = bad > 0;
    buttons();
    paper.mark(errors);
    say(
      said,
      bad
        ? `${plural(bad, "fault")}: nothing can be applied.`
        : `${warned ? plural(warned, "warning") : "No fault"}${
            paper.get() === base.text ? "" : "; not applied yet"
          }.`,
    );
    replace(
      list,
      errors.map((e) =>
        h(
          "li",
          null,
          h(
            "span.mark",
            { class: `mark ${e.warning ? "s-waiting" : "s-failed"}`, "aria-hidden": "true" },
            e.warning ? "△" : "✕",
          ),
          h(
            "button.linklike",
            { type: "button", onclick: () => paper.go(e.line) },
            `line ${e.line}`,
          ),
          e.path ? h("span.mono", null, ` ${e.path}`) : null,
          h("div", null, e.text),
        ),
      ),
    );
    replace(most, cost ? mostBox(cost) : null);
  }

  function askApply(text = paper.get(), hash = base.hash) {
    const note = h("input", { id: "note", maxlength: "200" });
    askFirst({
      title: "Apply this drover.yaml?",
      verb: "Apply drover.yaml",
      body: [
        diffView(base.text, text),
        h("div.field", null, h("label", { for: "note" }, "Note for the history"), note),
      ],
      act: () =>
        putTo("config", { text, base_hash: hash, note: note.value }).catch((error) => {
          if (error instanceof Refusal && error.status === 409 && error.data.current) {
            return { raced: error.data };
          }
          if (error.status === 422) showCheck({ errors: error.data.errors });
          throw error;
        }),
      done: (answer) => (answer.raced ? showRace(answer.raced, text) : applied()),
    }).classList.add("wide");
  }

  /* Someone was faster: both versions, and two ways on. */
  function showRace(raced, mine) {
    const theirs = raced.current;
    const take = h("button", { type: "button" }, "Take theirs, drop mine");
    const keep = h("button.primary", { type: "button" }, "Put mine over theirs…");
    const dialog = box(
      "Someone else changed the file meanwhile",
      h(
        "div.sides",
        null,
        h(
          "section",
          null,
          h("h3", null, "Theirs, applied now"),
          diffView(base.text, theirs.text),
        ),
        h("section", null, h("h3", null, "Yours"), diffView(base.text, mine)),
      ),
      h("div.acts", null, take, keep),
    );
    dialog.classList.add("wide");
    take.addEventListener("click", () => {
      dialog.close();
      reload();
    });
    keep.addEventListener("click", () => {
      dialog.close();
      base = { ...base, ...theirs };
      paper.set(mine);
      buttons();
      askApply(mine, theirs.hash);
    });
  }

  function applied() {
    toast("Applied. Machines that run keep what they were started with.");
    reload();
  }

  async function reload() {
    try {
      base = await get("config");
      set(base.text);
      paper.node.title = base.path;
    } catch (error) {
      say(said, error.message);
    }
  }
  return { node, set, load: reload, saved: () => base.text, leave: () => clearTimeout(timer) };
}

/* It is a "most": to the last digit that money() says, upwards. */
function upwards(micros) {
  const digit = micros < 10 * CENT ? CENT / 100 : CENT;
  return Math.ceil(micros / digit) * digit;
}

export function mostBox(cost) {
  const none = cost.unpriced || [];
  return h(
    "section.panel",
    { "aria-label": "The most it can cost" },
    h("h2", null, "The most it can cost"),
    h(
      "div.big",
      null,
      cost.per_hour_usd_micros
        ? `${limit(upwards(cost.per_hour_usd_micros))} /h`
        : none.length
          ? "price unknown"
          : "nothing yet",
    ),
    cost.sentence ? h("p.muted.small", null, cost.sentence) : null,
    none.length
      ? h(
          "p.small",
          null,
          `${cost.per_hour_usd_micros ? "Beside it" : "Of"}: ${none.join(", ")}. `,
          "Its price_per_hour puts it into the sum.",
        )
      : null,
  );
}
