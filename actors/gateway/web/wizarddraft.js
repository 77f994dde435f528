/* SPDX-License-Identifier: Apache-2.0
 * The wizard's answers: kept in this tab until launch; secrets only in memory. */
import { post } from "./api.js";
import { pruned } from "./form.js";

const KEPT = "drover-wizard";

export class Draft {
  constructor() {
    this.answers = {};
    this.created = new Set(); /* queues to make at launch */
    this.clearml = {}; /* its keys */
    this.accounts = new WeakMap(); /* by the account itself: its name may still change */
    this.tried = new Map(); /* by the account, or "clearml": what was tried, and if it was good */
  }

  /* known: what the gateway fills in; what was answered in this tab goes over it. */
  begin(known) {
    let kept = {};
    try {
      kept = JSON.parse(sessionStorage.getItem(KEPT) || "{}");
    } catch {
      /* no storage: begin anew */
    }
    (kept.created || []).forEach((name) => this.created.add(name));
    Object.assign(this.answers, known || {}, kept.answers || {});
  }

  keep() {
    const { answers, created } = this;
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ answers, created: [...created] }));
    } catch {
      /* then a reload begins anew */
    }
  }

  drop() {
    try {
      sessionStorage.removeItem(KEPT);
    } catch {
      /* it ends with the tab */
    }
  }

  config() {
    return pruned(this.answers);
  }

  secretsOf(account) {
    if (!this.accounts.has(account)) this.accounts.set(account, { git: [{}] });
    return this.accounts.get(account);
  }

  secrets() {
    const accounts = {};
    for (const account of this.answers.accounts || []) {
      const { git, ...others } = this.secretsOf(account);
      const hosts = git.filter((host) => Object.keys(host).length);
      accounts[account.name] = hosts.length ? { ...others, git: hosts } : others;
    }
    return pruned({ clearml: this.clearml, accounts });
  }

  /* {findings, queues} of the one-shot probe; a refusal is a finding too. */
  async test(what, account) {
    const about = account || what;
    const typed = this.typed(about);
    const body = {
      what,
      account: account && account.name,
      config: this.config(),
      secrets: this.secrets(),
    };
    let said;
    try {
      const answer = await post("wizard/test", body);
      said = { findings: answer.findings || [], queues: answer.queues || [] };
    } catch (error) {
      said = { findings: [{ ok: false, what, sentence: error.message }], queues: [] };
    }
    const good = said.findings.every((f) => f.ok || f.unsure);
    this.tried.set(about, { typed, good });
    return said;
  }

  /* What a test is about: git and the like can be changed without another test of the account. */
  typed(about) {
    if (about === "clearml")
      return JSON.stringify([pruned(this.answers.clearml || {}), this.clearml]);
    const { access_key_id, secret_access_key, session_token } = this.secretsOf(about);
    return JSON.stringify([pruned(about), access_key_id, secret_access_key, session_token]);
  }

  /* Of what is typed now: "good", "bad", or "": not tried. */
  found(about) {
    const tried = this.tried.get(about);
    if (!tried || tried.typed !== this.typed(about)) return "";
    return tried.good ? "good" : "bad";
  }
}
