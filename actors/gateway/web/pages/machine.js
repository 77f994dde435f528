/* SPDX-License-Identifier: Apache-2.0
 * One machine: its life, its tasks, its cost, its log, and what can be done to it. */
import { copyButton, h, replace, say } from "../dom.js";
import { get, seg } from "../api.js";
import { store, on, findMachine, machineName } from "../store.js";
import { absolute, ago, now, price } from "../words.js";
import { chip } from "../state.js";
import { life } from "../life.js";
import { costBox } from "../costparts.js";
import { actButton, askDrain, askKeep, askKill, keepNoLonger } from "../acts.js";

const LOG_MS = 3000;
const AGAIN_MS = 1000;
const OVER = new Set(["gone", "cancelled", "failed", "terminating"]);

export default function machine(ctx) {
  const head = h("div.title", null, h("h1", null, ctx.id));
  const why = h("p.lead", { "aria-live": "polite" });
  const body = h("div");
  const logBox = logOf(ctx);
  let last = null;
  let timer = 0;

  async function load() {
    try {
      last = await get(`machines/${seg(ctx.id)}`);
      show();
      logBox.follow(last.machine);
    } catch (error) {
      replace(
        why,
        h("span.bad", null, error.message),
        " ",
        h("a", { href: "/machines" }, "All machines"),
      );
    }
  }

  function show() {
    const m = last.machine;
    const name = machineName(m);
    replace(
      head,
      h("h1", null, name),
      copyButton(name),
      chip(m.phase),
      m.state !== m.phase && m.state !== "up" ? h("span.muted", null, m.state) : null,
      h("div.acts", null, acts(m)),
    );
    say(why, m.cause || "");
    replace(
      body,
      h(
        "div.life",
        null,
        life(m, last.history, last.work || [], last.tasks || []),
        h(
          "div",
          null,
          costBox(
            last.cost,
            m.price_usd_micros ? `so far, at ${price(m.price_usd_micros)}` : "so far",
          ),
        ),
      ),
      facts(m),
    );
  }

  function acts(m) {
    if (OVER.has(m.state)) return null;
    const kept = m.keep_until_us && m.keep_until_us > now();
    return [
      kept
        ? actButton("Keep no longer", () => keepNoLonger(m))
        : actButton("Keep…", () => askKeep(m)),
      m.state === "draining" ? null : actButton("Drain…", () => askDrain(m)),
      actButton(`Kill ${machineName(m)}…`, () => askKill(m), true),
    ];
  }

  function facts(m) {
    const row = (word, value, wide) =>
      value
        ? h(wide ? "div.wide" : "div", null, h("dt", null, word), h("dd", null, value))
        : null;
    const links = last.links || {};
    const out = (href, word) =>
      href ? h("a", { href, target: "_blank", rel: "noreferrer" }, `${word} ↗`) : null;
    return h(
      "section.panel",
      { "aria-label": "Facts" },
      h(
        "dl.facts.spread",
        null,
        row("ledger row", [h("span.mono", null, m.id), copyButton(m.id)]),
        row("type", m.type),
        row("offering", m.offering),
        row("account", [m.account, m.identity ? ` · ${m.identity}` : ""]),
        row(
          "queues",
          (m.queue_names || []).map((q, i) => [
            i ? ", " : "",
            h("a", { href: `/queues/${seg(q)}` }, q),
          ]),
        ),
        row("agents", m.slots),
        row("in this state", ago(m.state_since_us, "")),
        row("idle since", m.idle_since_us && ago(m.idle_since_us, "")),
        row("kept until", m.keep_until_us > now() ? absolute(m.keep_until_us) : null),
        row("drained for", m.drain_reason),
        row("adopted", m.adopted && "found in the cloud"),
        row(
          "elsewhere",
          [
            out(links.cloud, "the cloud's console"),
            links.cloud ? ", " : "",
            out(links.web, "ClearML's workers"),
            links.web ? ", " : "",
            h("a", { href: `/activity?machine=${seg(m.id)}` }, "its activity"),
          ],
          true,
        ),
      ),
    );
  }

  /* Its row changed: the history did too. */
  ctx.onLeave(
    on("machines", () => {
      const m = findMachine(ctx.id);
      if (!m || !last || m.version === last.machine.version || timer) return;
      timer = setTimeout(() => {
        timer = 0;
        load();
      }, AGAIN_MS);
    }),
  );
  ctx.onLeave(on("anew", load));
  ctx.onLeave(() => clearTimeout(timer));
  const growing = setInterval(() => {
    if (last && !last.machine.ended_us && store.live === "live" && !document.hidden) show();
  }, 15000);
  ctx.onLeave(() => clearInterval(growing));
  load();
  return { title: ctx.id, node: [head, why, body, logBox.node] };
}

/* The log grows below; it follows its end unless someone scrolled up. */
function logOf(ctx) {
  const text = h("pre.log", { tabindex: "0", role: "region", "aria-label": "Boot log" });
  const note = h("span.sub");
  let next = 0;
  let timer = 0;
  let begun = false;
  let over = false;

  async function read() {
    let more = false;
    try {
      const answer = await get(`machines/${seg(ctx.id)}/log?after=${next}`);
      const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 24;
      if (answer.text) text.append(answer.text);
      if (answer.text && atEnd) text.scrollTop = text.scrollHeight;
      if (answer.next > 0) next = answer.next;
      say(note, next ? "" : "the machine has written nothing yet");
      more = answer.next > 0 && answer.whole === false;
    } catch (error) {
      say(note, error.message);
    }
    if (more || !over) timer = setTimeout(read, more ? 0 : LOG_MS);
  }
  ctx.onLeave(() => {
    over = true;
    clearTimeout(timer);
  });
  return {
    node: h(
      "section.panel",
      { "aria-label": "Log" },
      h("div.panelhead", null, h("h2", null, "Boot log"), note),
      text,
    ),
    follow(m) {
      over = Boolean(m.ended_us);
      if (!begun) {
        begun = true;
        read();
      }
    },
  };
}
