/* SPDX-License-Identifier: Apache-2.0
 * The four answers as numbers: does anything wait, what runs, what is paid, is anything broken. */
import { h, say, size, toggle } from "./dom.js";
import { store } from "./store.js";
import { count, limit, money, now, plural, spanUs } from "./words.js";
import { mark } from "./state.js";
import { rank, reasonOf } from "./queuebox.js";

const COUNTED = /^\d+ tasks? waits?: /; /* stands above it as a number */

function figure(state, href) {
  const big = h("span.big", null, "–");
  const word = h(
    "span.what",
    null,
    h("span.mark", { "aria-hidden": "true" }, mark(state)),
    state,
  );
  return { big, node: h("div", null, h(`a.figure.s-${state}`, { href }, big, word)) };
}

function sum(label) {
  const big = h("span.big", null, "$ –");
  const what = h("span.what");
  const bar = h("span");
  const meter = h(
    "span.meter",
    {
      role: "meter",
      "aria-valuemin": "0",
      "aria-valuemax": "100",
      "aria-valuenow": "0",
      "aria-label": label,
      hidden: true,
    },
    bar,
  );
  const node = h("div", null, h("a.figure", { href: "/costs" }, big, what), meter);
  return { big, what, meter, bar, node };
}

export function numbers() {
  const waits = figure("waiting", "/queues");
  const longest = h("div.sub");
  const reason = h("div.sub.lines");
  const flock = ["running", "idle", "booting", "draining"].map((s) => [
    s,
    figure(s, `/machines?phase=${s}`),
  ]);
  const rate = sum("cost an hour now, of the limit");
  const today = sum("spent today, of the limit");
  const month = sum("spent this month, of the limit");
  const unpriced = h("div.sub", { hidden: true });
  const sign = h("span.big.bad.sign", { "aria-hidden": "true" });
  const big = h("span.big", null, "–");
  const why = h("div.sub.lines", null, "");
  const more = h("div.sub.lines");
  const node = h(
    "section.numbers",
    { "aria-label": "Numbers" },
    h(
      "div.group.first",
      null,
      h("h2", null, "Does anything wait, and why?"),
      waits.node,
      longest,
      reason,
    ),
    h(
      "div.group.wide",
      null,
      h("h2", null, "What runs, what idles?"),
      h(
        "div.figures",
        null,
        flock.map(([, f]) => f.node),
      ),
    ),
    h(
      "div.group.wide",
      null,
      h("h2", null, "What does it cost?"),
      h("div.figures", null, rate.node, today.node, month.node),
      unpriced,
    ),
    h(
      "div.group.last",
      null,
      h("h2", null, "Is anything broken?"),
      h("a.figure", { href: "/actors" }, sign, big),
      why,
      more,
    ),
  );

  function update() {
    const c = store.counts;
    showCount(waits, c.waiting);
    const oldest = oldestOf();
    say(
      longest,
      oldest ? `longest ${spanUs(oldest.oldest_us, now())} in ${oldest.name}` : "no task waits",
    );
    const worst = worstOf();
    const words = worst ? reasonOf(worst) : "";
    say(reason, worst && words ? `${worst.name}: ${words.replace(COUNTED, "")}` : "");
    reason.title = words;
    for (const [state, f] of flock) showCount(f, c[state]);
    showMoney(rate, today, month, unpriced);
    const faults = faultsNow();
    const broken = faults.reduce((sum, fault) => sum + fault.n, 0);
    say(sign, broken ? mark("failed") : "");
    say(big, broken ? count(broken) : "nothing");
    toggle(big, "bad", broken);
    say(why, faults.length ? faults[0].text : "all processes ready");
    say(
      more,
      faults.length > 1
        ? faults
            .slice(1)
            .map((fault) => fault.text)
            .join(" · ")
        : "",
    );
    why.title = more.title = faults.map((fault) => fault.text).join("\n");
  }
  return { node, update };
}

/* What is not there is paler: the eye goes to what is. */
function showCount(into, n) {
  say(into.big, count(n));
  toggle(into.node, "zero", !n);
}

function oldestOf() {
  let oldest = null;
  for (const q of store.queues.values()) {
    if (q.waiting && q.oldest_us && (!oldest || q.oldest_us < oldest.oldest_us)) oldest = q;
  }
  return oldest;
}

/* Whose reason matters most: what will not start before what does; of those the longest. */
function worstOf() {
  let worst = null;
  for (const q of store.queues.values()) {
    if (!q.waiting) continue;
    const before = worst ? rank(q) - rank(worst) || q.oldest_us - worst.oldest_us : -1;
    if (before < 0) worst = q;
  }
  return worst;
}

/* limit_view rows: hour, day and month of all are always there; 0 is no limit. */
export function limitOf(window) {
  return ((store.money && store.money.limits) || []).find(
    (l) => (l.scope || "all") === "all" && l.window === window,
  );
}

function showMoney(rate, today, month, unpriced) {
  const m = store.money;
  if (!m) return;
  showSum(rate, m.rate_usd_micros, limitOf("hour"), "an hour");
  showSum(today, m.today_usd_micros, limitOf("day"), "today");
  showSum(month, m.month_usd_micros, limitOf("month"), "this month");
  unpriced.hidden = !m.unpriced;
  if (m.unpriced) {
    say(unpriced, `${plural(m.unpriced, "machine")} more: price unknown, in no sum`);
  }
}

/* The gateway leaves a zero out. */
function showSum(into, spent = 0, cap, word) {
  const most = cap ? cap.max_usd_micros : 0;
  say(into.big, money(spent));
  say(into.what, most ? `${word}, of ${limit(most)}` : `${word}, no limit`);
  into.meter.hidden = !most;
  if (!most) return;
  const share = (100 * spent) / most;
  into.meter.setAttribute("aria-valuenow", Math.min(100, Math.round(share)));
  size(into.bar, "width", `${Math.min(100, share)}%`);
  toggle(into.meter, "near", share >= 80 && share < 100);
  toggle(into.meter, "over", share >= 100);
}

/* What a person has to look at: {n, text}, in words. */
export function faultsNow() {
  const list = [];
  const add = (n, text) => list.push({ n, text });
  const s = store.server;
  if (s && s.state && s.state !== "ok" && s.state !== "unknown")
    add(1, `ClearML server ${s.state.replace("-", " ")}`);
  for (const a of store.actors.values()) {
    if (a.state === "failed" || a.state === "backoff")
      add(1, `${a.actor}: ${a.sentence || a.state}`);
  }
  if (store.counts.failed)
    add(store.counts.failed, `${plural(store.counts.failed, "machine")} failed`);
  for (const q of store.queues.values()) {
    if (q.waiting && (q.verdict === "blocked" || q.verdict === "no-type")) {
      add(1, `queue ${q.name}: ${q.sentence}`);
    }
  }
  return list;
}
