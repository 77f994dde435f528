/* SPDX-License-Identifier: Apache-2.0
 * The wizard: from nothing to a running Drover. Answers stay in this tab until launch; secrets only
 * in memory. */
import { h, put, replace, say } from "../dom.js";
import { get, me, post } from "../api.js";
import { Form } from "../form.js";
import { Draft } from "../wizarddraft.js";
import { handy } from "../schema.js";
import { STEPS, markOf, untried } from "../wizardsteps.js";
import { launchPart } from "../wizardlaunch.js";
import { mostBox } from "./config.js";
import { money } from "../words.js";

const RENDER_MS = 300;

/* http://host:8008 is the usual address of one's own API server; 8080 and 8081 are its others. */
function offerBeside(form, api) {
  const others = [
    ["web_server", "8080", "app"],
    ["files_server", "8081", "files"],
  ];
  for (const [key, port, name] of others) {
    const hosted = /^https:\/\/api\./.test(api) && api.replace("//api.", `//${name}.`);
    const own = /:8008\/?$/.test(api) && api.replace(/8008\/?$/, port);
    form.offer(`clearml.${key}`, hosted || own);
  }
}
const LAST = STEPS.length;

export default function wizard(ctx) {
  const list = h("ol.steps");
  const hole = h("div");
  const yaml = h("pre.mono", {
    tabindex: "0",
    role: "region",
    "aria-label": "drover.yaml so far",
  });
  const mostHole = h("div", { "aria-live": "polite" });
  const draft = new Draft();
  const node = [
    h("h1", null, me().setup ? "Set up Drover" : "Wizard"),
    h(
      "div.wizard",
      null,
      h("nav", { "aria-label": "Steps" }, list),
      hole,
      h(
        "aside.aside",
        { "aria-label": "The file so far" },
        mostHole,
        h("h2", null, "drover.yaml"),
        yaml,
      ),
    ),
  ];
  const w = {
    draft,
    answers: draft.answers,
    created: draft.created,
    schema: null,
    queues: [],
    keys: "" /* where this host's key pair is */,
    rights: {},
    ids: 0,
    tests: new Map() /* those that are asking, by what they are about */,
    testers: new Map() /* what begins them, of this screen */,
    sizes: new Map(),
    redraw,
    secretsOf: (account) => draft.secretsOf(account),
    async test(what, account) {
      const { findings, queues } = await draft.test(what, account);
      if (queues.length) w.queues = queues;
      showSteps();
      return findings;
    },
  };
  let most = null;
  let last = null; /* the launch screen, while it is there */
  let timer = 0;
  let turn = 0;
  let faults = [];
  let pushed = false; /* "Next" was pressed here: faults of unseen fields are said too */
  let leaving = 0; /* each "Next" that waits for a test: only the newest goes on */

  w.rootField = (key) => w.schema.sections[w.schema.root].fields.find((f) => f.key === key);
  w.form = new Form(w.answers, {
    changed: () => {
      draft.keep();
      later();
    },
    left,
    choices,
    extra,
  });

  async function begin() {
    const ask = (path, none) => get(path).catch(() => none);
    const [schema, known, prices] = await Promise.all([
      ask("schema", null),
      ask("wizard/known", {}),
      ask("prices?cloud=aws", { sizes: [] }),
    ]);
    if (!schema)
      return replace(
        hole,
        h("p.bad", null, "The gateway does not answer; reload to try again."),
      );
    w.schema = handy(schema);
    w.queues = known.queues || [];
    w.keys = known.keys || "";
    w.rights = known.rights || {};
    for (const size of prices.sizes || []) w.sizes.set(size.size, size);
    draft.begin(known.config);
    redraw();
  }

  const at = () => {
    const name = ctx.query.get("step");
    const found = STEPS.findIndex((step) => step.name === name);
    return name === "launch" ? LAST : Math.max(0, found);
  };

  function goTo(index) {
    ctx.setQuery("step", index === LAST ? "launch" : STEPS[index].name);
    pushed = false;
    redraw();
    scrollTo(0, 0);
    const first = hole.querySelector("h2");
    if (first) first.focus();
  }

  const back = () => goTo(at() - 1);
  const goToPath = (path) =>
    goTo(
      Math.max(
        0,
        STEPS.findIndex((s) => s.paths.test(path)),
      ),
    );

  function redraw() {
    if (!w.schema) return;
    w.form.forget();
    w.testers.clear();
    const index = at();
    last =
      index === LAST ? launchPart({ draft, most: () => most, back, goTo: goToPath }) : null;
    replace(hole, last ? last.node : stepPart(STEPS[index], index));
    draft.keep();
    render();
  }

  function stepPart(step, index) {
    const said = h("p.bad", { role: "alert" });
    const next = h(
      "button.primary",
      {
        type: "button",
        onclick: async () => {
          await render();
          /* A warning may be about a later screen's answer: it is shown and holds nobody up. */
          const mine = faults.filter((f) => !f.warning && step.paths.test(f.path));
          if (mine.length && !pushed) {
            pushed = true;
            w.form.show(faults, true);
            say(said, `${mine[0].text}. Next again goes on all the same.`);
            return;
          }
          if (pushed || (await good(step, said))) goTo(index + 1);
        },
      },
      "Next",
    );
    const before = h(
      "button",
      { type: "button", disabled: index === 0, onclick: back },
      "Back",
    );
    return h(
      "div",
      null,
      h("h2", { tabindex: "-1" }, step.word),
      h("p.muted", null, step.lead),
      step.draw(w),
      said,
      h("div.acts", null, before, next),
    );
  }

  /* Tries what was typed and not tried yet. False: a fault was found, or the person has gone on. */
  async function good(step, said) {
    const open = untried(w, step);
    const mine = ++leaving;
    if (!open.length) return true;
    pushed = true;
    say(said, "Trying it first. Next again goes on without the answer.");
    await Promise.all(open.map((about) => w.testers.get(about)()));
    if (mine !== leaving || STEPS[at()] !== step) return false;
    const bad = step.tried(w).some((about) => w.draft.found(about) === "bad");
    say(said, bad ? "The test found a fault. Next again goes on all the same." : "");
    return !bad;
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(render, RENDER_MS);
  }

  /* Another cloud has other questions. Nothing is drawn anew when such a field is only left: the
   * click that leaves it would find its button gone. */
  function left(path, anew) {
    if (path === "clearml.api_server") offerBeside(w.form, (w.answers.clearml || {}).api_server);
    if (!anew || !/^(accounts|machine_types)\[\d+\]\.(driver|account)$/.test(path))
      return later();
    const { id } = document.activeElement;
    redraw();
    const same = id && document.getElementById(id);
    if (same) same.focus();
  }

  async function render() {
    const mine = ++turn;
    clearTimeout(timer);
    try {
      const answer = await post("wizard/render", { config: draft.config() });
      if (mine !== turn) return;
      faults = answer.errors || [];
      most = answer.most;
      say(yaml, answer.yaml);
      replace(mostHole, most ? mostBox(most) : null);
      w.form.show(faults, pushed);
    } catch (error) {
      if (mine === turn) replace(mostHole, h("p.bad", null, error.message));
    }
    showSteps();
  }

  function showSteps() {
    const index = at();
    replace(
      list,
      [...STEPS, { word: "Launch", name: "launch" }].map((step, i) => {
        const { mark, state, word } = markOf(w, step, faults, i < index);
        const button = h(
          "button",
          { type: "button", onclick: () => goTo(i), title: word || null },
          h(
            "span",
            { class: `mark s-${state}`, "aria-hidden": "true" },
            mark,
          ),
          step.word,
          word ? h("span.sr", null, `, ${word}`) : null,
        );
        put(button, "aria-current", i === index ? "step" : null);
        return h("li", null, button);
      }),
    );
    if (last) last.show(faults);
  }

  function choices(section, field) {
    if (section === "type" && field.key === "account")
      return (w.answers.accounts || []).map((a) => a.name);
    return null;
  }

  /* What is known of the chosen size; the field offers all sizes that have a price. */
  function extra(section, field, value, input) {
    if (section !== "type" || field.key !== "instance_type") return null;
    if (!input.list && w.sizes.size) {
      input.setAttribute("list", "sizes");
      if (!document.getElementById("sizes")) {
        document.body.append(
          h(
            "datalist",
            { id: "sizes" },
            [...w.sizes.keys()].map((size) => h("option", { value: size })),
          ),
        );
      }
    }
    const size = w.sizes.get(value);
    if (!size)
      return value
        ? "price unknown to Drover: set price_per_hour to have it in the sums"
        : null;
    return [
      size.cores ? `${size.cores} cores` : "",
      size.memory_mib ? `${Math.round(size.memory_mib / 1024)} GiB` : "",
      size.gpus ? `${size.gpus} × ${size.gpu}` : "no GPU",
      size.price_usd_micros ? `${money(size.price_usd_micros)} /h` : "price unknown",
    ]
      .filter(Boolean)
      .join(" · ");
  }

  ctx.onLeave(() => {
    clearTimeout(timer);
    turn++;
  });
  begin();
  return { title: "Wizard", node };
}
