/* SPDX-License-Identifier: Apache-2.0
 * The wizard's question groups, one a screen. Each: {name, word, paths, draw(w)}; w is the wizard:
 * {draft, answers, schema, form, queues, created, redraw(), secretsOf(account),
 * test(what, account)}. */
import { h } from "./dom.js";
import { plural } from "./words.js";
import { accountOf, many, rights, secret, tester } from "./wizardparts.js";
import { askedFor } from "./schema.js";
import { queues } from "./wizardqueues.js";

function clearml(w) {
  return h(
    "div",
    null,
    h("div.two", null, w.form.field("root", w.rootField("deployment"), "deployment")),
    w.form.section(
      w.schema,
      "clearml",
      "clearml",
      ["api_server", "web_server", "files_server"],
      () => true,
    ),
    h(
      "div.two",
      null,
      secret(
        w,
        "clearml",
        "access_key",
        w.draft.clearml,
        "access_key",
        w.keys ? `left empty: the pair in ${w.keys}` : "",
      ),
      secret(w, "clearml", "secret_key", w.draft.clearml),
    ),
    tester(w, "Test the ClearML server", "clearml"),
  );
}

function clouds(w) {
  return many(w, {
    list: "accounts",
    section: "account",
    noun: "account",
    first: ["driver", "name", "region"],
    fresh: (n) => ({ name: n ? `aws${n + 1}` : "aws", driver: "aws" }),
    shown: (item) => askedFor(item.driver),
    also: (item) =>
      h(
        "div",
        null,
        item.driver === "local"
          ? null
          : h(
              "div",
              null,
              rights(w, "aws"),
              h(
                "div.two",
                null,
                ["access_key_id", "secret_access_key", "session_token"].map((key) =>
                  secret(w, "aws", key, w.secretsOf(item)),
                ),
              ),
            ),
        tester(w, "Test this account", "cloud", item),
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
            ["host", "user", "token"].map((key) =>
              secret(w, "machines", `git_${key}`, git, key),
            ),
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
        secret(w, "machines", "ssh_private_key", mine),
        secret(w, "machines", "storage_conf", mine),
        tester(w, "Test these", "cloud", account),
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
    section: "type",
    noun: "machine type",
    first,
    fresh: (n) => ({
      name: n ? `type${n + 1}` : "gpu",
      max_machines: 2,
      account: ((w.answers.accounts || [])[0] || {}).name,
    }),
    shown: (item) => askedFor((accountOf(w, item) || {}).driver),
  });
}

function limits(w) {
  const fields = (keys) => w.form.group(w.schema, "root", "", keys.map(w.rootField));
  return h(
    "div",
    null,
    fields(["budget"]),
    fields(["max_machines", "on_hard_cap", "time_zone", "budget_horizon"]),
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
      "root",
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
    tried: () => ["clearml"],
    lead: "Whose queues are watched, and as whom.",
  },
  {
    name: "cloud",
    word: "Cloud",
    paths: /^accounts/,
    draw: clouds,
    tried: (w) => w.answers.accounts || [],
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
    lacks: (w) => ((w.answers.queues || []).length ? "" : "no queue is served yet"),
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

/* What of a step's answers is not tried yet. */
export const untried = (w, step) =>
  (step.tried ? step.tried(w) : []).filter((about) => !w.draft.found(about));

/* A step's mark and what it means: only what is known to be good has the good one. passed: the
 * screen was left by Next. */
export function markOf(w, step, faults, passed) {
  const tried = step.tried ? step.tried(w).map((about) => w.draft.found(about)) : [];
  const lacks = step.lacks ? step.lacks(w) : "";
  if (step.paths && faults.some((f) => !f.warning && step.paths.test(f.path)))
    return { mark: "△", state: "waiting", word: "something is missing" };
  if (tried.includes("bad"))
    return { mark: "△", state: "waiting", word: "the test found a fault" };
  if (!passed) return { mark: "○", state: "idle", word: "" };
  if (lacks) return { mark: "○", state: "idle", word: lacks };
  if (tried.includes("")) return { mark: "○", state: "idle", word: "not tried" };
  return { mark: "●", state: "running", word: "" };
}

export function sentence(answers) {
  const size = (list, noun) => plural((answers[list] || []).length, noun);
  return `${size("queues", "queue")} served by ${size("machine_types", "machine type")} in ${size(
    "accounts",
    "account",
  )}.`;
}
