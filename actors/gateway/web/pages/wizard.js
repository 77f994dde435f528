/* SPDX-License-Identifier: Apache-2.0
 * The wizard: from nothing to a running Drover. Answers stay in this tab until launch; secrets only
 * in memory. */
import { h, put, replace, say } from "../dom.js";
import { get, loadMe, me, mayWrite, post } from "../api.js";
import { Form, pruned } from "../form.js";
import { STEPS, sentence } from "../wizardsteps.js";
import { findingList } from "../findings.js";
import { askFirst } from "../dialog.js";
import { mostBox } from "./config.js";
import { limit, money } from "../words.js";

const KEPT = "drover-wizard";
const RENDER_MS = 300;
const LAST = STEPS.length;

export default function wizard(ctx) {
  const list = h("ol.steps");
  const hole = h("div");
  const yaml = h("pre.mono", {
    tabindex: "0",
    role: "region",
    "aria-label": "drover.yaml so far",
  });
  const most = h("div", { "aria-live": "polite" });
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
        most,
        h("h2", null, "drover.yaml"),
        yaml,
      ),
    ),
  ];
  const w = {
    answers: {},
    secrets: { clearml: {} },
    secretsOf,
    schema: null,
    queues: [],
    ids: 0,
    created: new Set(),
    sizes: new Map(),
    redraw,
    test,
  };
  const ofAccounts = new WeakMap();
  let timer = 0;
  let turn = 0;
  let faults = [];
  let pushed = false; /* "Next" was pressed here: faults of unseen fields are said too */

  w.rootField = (key) => w.schema.sections[w.schema.root].fields.find((f) => f.key === key);
  w.form = new Form(w.answers, {
    changed: () => {
      keep();
      later();
    },
    left: (path) => left(path),
    choices,
    extra,
  });

  /* By the account itself, not by its name, which may still change. */
  function secretsOf(account) {
    if (!ofAccounts.has(account)) ofAccounts.set(account, { git: [{}] });
    return ofAccounts.get(account);
  }

  function secretsNow() {
    const accounts = {};
    for (const account of w.answers.accounts || []) {
      const { git, ...others } = secretsOf(account);
      const hosts = git.filter((host) => Object.keys(host).length);
      accounts[account.name] = hosts.length ? { ...others, git: hosts } : others;
    }
    return pruned({ clearml: w.secrets.clearml, accounts });
  }

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
    w.schema = schema;
    w.queues = known.queues || [];
    for (const size of prices.sizes || []) w.sizes.set(size.size, size);
    Object.assign(w.answers, known.config || {}, kept());
    redraw();
  }

  function kept() {
    try {
      const { answers, created } = JSON.parse(sessionStorage.getItem(KEPT) || "{}");
      (created || []).forEach((name) => w.created.add(name));
      return answers || {};
    } catch {
      return {};
    }
  }

  function keep() {
    try {
      sessionStorage.setItem(
        KEPT,
        JSON.stringify({ answers: w.answers, created: [...w.created] }),
      );
    } catch {
      /* then a reload begins anew */
    }
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

  function redraw() {
    if (!w.schema) return;
    w.form.forget();
    const index = at();
    replace(hole, index === LAST ? launchPart() : stepPart(STEPS[index], index));
    keep();
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
          const mine = faults.filter((f) => step.paths.test(f.path));
          if (mine.length && !pushed) {
            pushed = true;
            w.form.show(faults, true);
            say(said, `${mine[0].text}. Next again goes on all the same.`);
            return;
          }
          goTo(index + 1);
        },
      },
      "Next",
    );
    const back = h(
      "button",
      { type: "button", disabled: index === 0, onclick: () => goTo(index - 1) },
      "Back",
    );
    return h(
      "div",
      null,
      h("h2", { tabindex: "-1" }, step.word),
      h("p.muted", null, step.lead),
      step.draw(w),
      said,
      h("div.acts", null, back, next),
    );
  }

  function launchPart() {
    const dry = h("div", { "aria-live": "polite" });
    const faultList = h("ul.faults");
    w.faultList = faultList;
    const run = h("button", { type: "button", onclick: dryRun }, "Dry run");
    async function dryRun() {
      run.disabled = true;
      replace(dry, h("p.muted", null, "Asking the server and each cloud; nothing is started…"));
      const found = await test("clearml");
      for (const a of w.answers.accounts || []) found.push(...(await test("cloud", a.name)));
      replace(dry, findingList(found));
      run.disabled = false;
    }
    const go = h(
      "button.primary",
      { type: "button", disabled: !mayWrite(), onclick: askLaunch },
      "Launch…",
    );
    return h(
      "div",
      null,
      h("h2", { tabindex: "-1" }, "Summary"),
      h("p.lead", null, sentence(w.answers)),
      w.created.size ? h("p", null, `New at the server: ${[...w.created].join(", ")}.`) : null,
      faultList,
      dry,
      h(
        "div.acts",
        null,
        h("button", { type: "button", onclick: () => goTo(LAST - 1) }, "Back"),
        run,
        go,
      ),
    );
  }

  function askLaunch() {
    const cost = w.most ? w.most.per_hour_usd_micros : 0;
    askFirst({
      title: "Launch Drover?",
      verb: me().setup ? "Launch Drover" : "Write and apply drover.yaml",
      body: [
        h(
          "p",
          null,
          `drover.yaml and the files with secrets are written. ${sentence(w.answers)}`,
        ),
        h(
          "p",
          null,
          `A machine starts when a task waits that it can run; at most ${
            cost ? limit(cost) : "an unknown sum"
          } an hour.`,
        ),
      ],
      act: () =>
        post("wizard/launch", {
          config: pruned(w.answers),
          secrets: secretsNow(),
          create_queues: [...w.created],
        }),
      done: launched,
    });
  }

  /* The wizard's gateway ends and the real one comes up at the same address. */
  async function launched(answer) {
    try {
      sessionStorage.removeItem(KEPT);
    } catch {
      /* it is this tab's only */
    }
    replace(
      hole,
      h("h2", null, "Launched"),
      h("p.lead", null, answer.sentence || "Drover starts."),
      h(
        "ul",
        null,
        (answer.files || []).map((file) => h("li.mono", null, file)),
      ),
      h("p.muted", { role: "status" }, "The overview opens as soon as it answers…"),
    );
    for (let i = 0; i < 60; i++) {
      await new Promise((done) => {
        setTimeout(done, 500);
      });
      const user = await loadMe().catch(() => null);
      if (user && !user.setup) return location.assign("/");
    }
    return null;
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(render, RENDER_MS);
  }

  async function left(path) {
    if (/^(accounts|machine_types)\[\d+\]\.(driver|account)$/.test(path)) redraw();
    else later();
  }

  async function render() {
    const mine = ++turn;
    clearTimeout(timer);
    try {
      const answer = await post("wizard/render", { config: pruned(w.answers) });
      if (mine !== turn) return;
      faults = answer.errors || [];
      w.most = answer.most;
      say(yaml, answer.yaml);
      replace(most, answer.most ? mostBox(answer.most) : null);
      w.form.show(faults, pushed);
    } catch (error) {
      if (mine === turn) replace(most, h("p.bad", null, error.message));
    }
    showSteps();
  }

  function showSteps() {
    const index = at();
    replace(
      list,
      [...STEPS, { word: "Launch", name: "launch" }].map((step, i) => {
        const bad = step.paths && faults.some((f) => step.paths.test(f.path));
        const state = bad ? "waiting" : i < index ? "running" : "idle";
        const button = h(
          "button",
          { type: "button", onclick: () => goTo(i) },
          h(
            "span",
            { class: `mark s-${state}`, "aria-hidden": "true" },
            bad ? "△" : i < index ? "●" : "○",
          ),
          step.word,
          bad ? h("span.sr", null, ", something is missing") : null,
        );
        put(button, "aria-current", i === index ? "step" : null);
        return h("li", null, button);
      }),
    );
    if (w.faultList && index === LAST) {
      replace(
        w.faultList,
        faults.map((f) =>
          h(
            "li",
            null,
            h("span.mark.s-failed", { "aria-hidden": "true" }, "✕"),
            h(
              "button.linklike",
              {
                type: "button",
                onclick: () =>
                  goTo(
                    Math.max(
                      0,
                      STEPS.findIndex((s) => s.paths.test(f.path)),
                    ),
                  ),
              },
              f.path || "the file",
            ),
            ` ${f.text}`,
          ),
        ),
      );
    }
  }

  async function test(what, account) {
    try {
      const answer = await post("wizard/test", {
        what,
        account,
        config: pruned(w.answers),
        secrets: secretsNow(),
      });
      if (answer.queues && answer.queues.length) w.queues = answer.queues;
      return answer.findings || [];
    } catch (error) {
      return [{ ok: false, what, sentence: error.message }];
    }
  }

  function choices(section, field) {
    if (section === "cfg_type" && field.key === "account")
      return (w.answers.accounts || []).map((a) => a.name);
    return null;
  }

  /* What is known of the chosen size; the field offers all sizes that have a price. */
  function extra(section, field, value, input) {
    if (section !== "cfg_type" || field.key !== "instance_type") return null;
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
