/* SPDX-License-Identifier: Apache-2.0
 * The wizard's question groups, one a screen. Each: {name, word, paths, draw(w)}; w is the wizard:
 * {answers, secrets, schema, form, queues, created, redraw(), changed(), test(what, account)}. */
import { h, replace } from "./dom.js";
import { plural } from "./words.js";
import { findingList } from "./findings.js";

const shownFor = (driver) => (field) => {
  const only = /^(aws|local):/.exec(field.meaning);
  return !only || !driver || only[1] === driver;
};

function secret(w, label, where, key, props) {
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

function tester(w, word, what, account) {
  const out = h("div", { "aria-live": "polite" });
  const button = h(
    "button",
    {
      type: "button",
      onclick: async () => {
        button.disabled = true;
        replace(out, h("p.muted", null, "Asking…"));
        replace(out, findingList(await w.test(what, account)));
        button.disabled = false;
      },
    },
    word,
  );
  return h("div", null, button, out);
}

/* A list of sections, as many as wished. */
function many(w, { list, section, noun, first, fresh, shown, also }) {
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

const accountOf = (w, item) => (w.answers.accounts || []).find((a) => a.name === item.account);

function clearml(w) {
  return h(
    "div",
    null,
    h("div.two", null, w.form.field("cfg_root", w.rootField("deployment"), "deployment")),
    w.form.section(
      w.schema,
      "cfg_clearml",
      "clearml",
      ["api_server", "web_server", "files_server"],
      () => true,
    ),
    h(
      "div.two",
      null,
      secret(w, "access key", w.secrets.clearml, "access_key", {
        open: true,
        hint: "ClearML: Settings, Workspace, Create new credentials",
      }),
      secret(w, "secret key", w.secrets.clearml, "secret_key"),
    ),
    tester(w, "Test the ClearML server", "clearml"),
  );
}

function clouds(w) {
  return many(w, {
    list: "accounts",
    section: "cfg_account",
    noun: "account",
    first: ["driver", "name", "region"],
    fresh: (n) => ({ name: n ? `aws${n + 1}` : "aws", driver: "aws" }),
    shown: (item) => shownFor(item.driver),
    also: (item) =>
      h(
        "div",
        null,
        item.driver === "local"
          ? null
          : h(
              "div.two",
              null,
              secret(w, "access key id", w.secretsOf(item), "access_key_id", {
                open: true,
                hint: "empty: found as AWS's own tools find them, or by the role above",
              }),
              secret(w, "secret access key", w.secretsOf(item), "secret_access_key"),
            ),
        tester(w, `Test ${item.name || "it"}`, "cloud", item.name),
      ),
  });
}

function code(w) {
  return h(
    "div",
    null,
    (w.answers.accounts || []).map((account) => {
      const mine = w.secretsOf(account);
      return h(
        "section.many",
        { "aria-label": account.name },
        h("h3", null, `On the machines of ${account.name}`),
        mine.git.map((git) =>
          h(
            "div.two",
            null,
            secret(w, "git host", git, "host", { open: true, hint: "e.g. github.com" }),
            secret(w, "git user", git, "user", {
              open: true,
              hint: "the bot that may read your code",
            }),
            secret(w, "git token", git, "token", {
              hint: "an application token, used as password",
            }),
          ),
        ),
        h(
          "button",
          {
            type: "button",
            onclick() {
              mine.git.push({});
              w.redraw();
            },
          },
          "Add another git host",
        ),
        secret(w, "SSH private key", mine, "ssh_private_key", {
          long: true,
          hint: "a deploy key; with it and no git user everything is cloned over SSH",
        }),
      );
    }),
  );
}

function types(w) {
  const first = [
    "name",
    "account",
    "instance_type",
    "max_machines",
    "spot",
    "ami_id",
    "idle_timeout",
    "docker_image",
  ];
  return many(w, {
    list: "machine_types",
    section: "cfg_type",
    noun: "machine type",
    first,
    fresh: (n) => ({
      name: n ? `type${n + 1}` : "gpu",
      max_machines: 2,
      account: ((w.answers.accounts || [])[0] || {}).name,
    }),
    shown: (item) => shownFor((accountOf(w, item) || {}).driver),
  });
}

/* Queues are picked from the server's or made; each names its types, first choice first. */
function queues(w) {
  const items = (w.answers.queues = w.answers.queues || []);
  const taken = new Map(items.map((q) => [q.name, q]));
  const names = [...new Set([...w.queues, ...taken.keys()])].filter(Boolean).sort();
  const pick = (name) => {
    const box = h("input", {
      type: "checkbox",
      checked: taken.has(name),
      onchange() {
        if (box.checked) items.push({ name, types: firstType(w) });
        else
          items.splice(
            items.findIndex((q) => q.name === name),
            1,
          );
        w.redraw();
      },
    });
    return h(
      "label",
      null,
      box,
      name,
      w.created.has(name) ? h("span.muted", null, " new") : null,
    );
  };
  const fresh = h("input", { id: "new-queue", autocomplete: "off" });
  const make = h(
    "button",
    {
      type: "button",
      onclick() {
        const name = fresh.value.trim();
        if (!name || taken.has(name)) return;
        if (!w.queues.includes(name)) w.created.add(name);
        items.push({ name, types: firstType(w) });
        w.redraw();
      },
    },
    "Create it at launch",
  );
  return h(
    "div",
    null,
    h(
      "div.field",
      null,
      h("span.label", null, "Queues at the server"),
      h(
        "div.picks",
        null,
        names.length
          ? names.map(pick)
          : h("span.muted", null, "None is known: test the ClearML server, or name one below."),
      ),
    ),
    h(
      "div.field",
      null,
      h("label", { for: "new-queue" }, "A new queue"),
      h("div.acts", null, fresh, make),
    ),
    items.length
      ? many(w, {
          list: "queues",
          section: "cfg_queue",
          noun: "queue",
          first: ["max_machines", "recovery"],
          shown: () => (field) => !["name", "types"].includes(field.key),
          also: (q) => typePicks(w, q),
        })
      : null,
  );
}

const firstType = (w) => (w.answers.machine_types || []).slice(0, 1).map((t) => t.name);

function typePicks(w, q) {
  return h(
    "div.field",
    null,
    h("span.label", null, "Machine types that serve it, first choice first"),
    h(
      "div.picks",
      null,
      (w.answers.machine_types || []).map((type) => {
        const place = (q.types || []).indexOf(type.name);
        const box = h("input", {
          type: "checkbox",
          checked: place >= 0,
          onchange() {
            q.types = (q.types || []).filter((name) => name !== type.name);
            if (box.checked) q.types.push(type.name);
            w.redraw();
          },
        });
        return h("label", null, box, place >= 0 ? `${place + 1}. ${type.name}` : type.name);
      }),
    ),
  );
}

function limits(w) {
  return w.form.section(
    w.schema,
    "cfg_root",
    "",
    ["budget", "max_machines", "on_hard_cap", "time_zone", "budget_horizon"],
    (f) =>
      ["budget", "max_machines", "on_hard_cap", "time_zone", "budget_horizon"].includes(f.key),
  );
}

function advanced(w) {
  const asked = new Set([
    "deployment",
    "clearml",
    "budget",
    "max_machines",
    "on_hard_cap",
    "time_zone",
    "budget_horizon",
  ]);
  return h(
    "div",
    null,
    h("p.muted", null, "Nothing here has to be set: the defaults stand in the fields."),
    w.form.section(
      w.schema,
      "cfg_root",
      "",
      ["state_dir", "run_dir", "worker_prefix", "task_notes"],
      (f) => !asked.has(f.key),
    ),
  );
}

export const STEPS = [
  {
    name: "clearml",
    word: "ClearML server",
    paths: /^(deployment$|clearml)/,
    draw: clearml,
    lead: "Whose queues are watched, and as whom.",
  },
  {
    name: "cloud",
    word: "Cloud",
    paths: /^accounts/,
    draw: clouds,
    lead: "Where machines are started, and with which rights.",
  },
  {
    name: "code",
    word: "Code access",
    paths: /^$/,
    draw: code,
    lead: "What the machines need to fetch your code. All of it is optional.",
  },
  {
    name: "types",
    word: "Machine types",
    paths: /^machine_types/,
    draw: types,
    lead: "What may be started, how many at most, and when it goes. As many types as you wish.",
  },
  {
    name: "queues",
    word: "Queues",
    paths: /^queues/,
    draw: queues,
    lead: "Which queues are served, by which machine types.",
  },
  {
    name: "limits",
    word: "Limits",
    paths: /^(budget|max_machines|on_hard_cap|time_zone)/,
    draw: limits,
    lead: "What may be spent. Nothing starts that could pass a limit.",
  },
  {
    name: "advanced",
    word: "Advanced",
    paths: /^(timing|supervisor|bus|gateway|state_dir|run_dir|worker)/,
    draw: advanced,
    lead: "Paths, durations, addresses.",
  },
];

export function sentence(answers) {
  const size = (list, noun) => plural((answers[list] || []).length, noun);
  return `${size("queues", "queue")} served by ${size("machine_types", "machine type")} in ${size(
    "accounts",
    "account",
  )}.`;
}
