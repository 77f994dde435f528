/* SPDX-License-Identifier: Apache-2.0
 * Drover's own processes and what passes between them. */
import { h, replace } from "../dom.js";
import { get } from "../api.js";
import { store, on } from "../store.js";
import { plainTable } from "../table.js";
import { ago, bytes, count, span } from "../words.js";
import { actorChip } from "../feed.js";

const AGAIN_MS = 5000;
const FIRST_MS = 1000; /* two readings make a rate */

const ACTORS = [
  { label: "process", cell: (a) => a.actor },
  { label: "state", cell: (a) => actorChip(a.state) },
  { label: "since", num: true, cell: (a) => ago(a.since_us, "") },
  { label: "restarts", num: true, cell: (a) => count(a.restarts) },
  { label: "memory", num: true, p: 2, cell: (a) => bytes(a.memory_bytes) },
  { label: "CPU used", num: true, p: 2, cell: (a) => (a.cpu_ms ? span(a.cpu_ms) : "–") },
  { label: "messages", num: true, p: 2, cell: (a) => perSecond(a.rate) },
  { label: "process id", num: true, p: 3, cell: (a) => a.pid || "–" },
  { label: "last word", cls: "wrap", cell: (a) => a.sentence || "–" },
];
const COUNTERS = [
  { label: "from", cell: (c) => c.source },
  { label: "message", cell: (c) => c.topic },
  { label: "now", num: true, cell: (c) => perSecond(c.rate) },
  { label: "passed on", num: true, p: 2, cell: (c) => count(c.relayed) },
  {
    label: "refused",
    num: true,
    cell: (c) => h(c.refused ? "b" : "span", null, count(c.refused)),
  },
  { label: "size", num: true, p: 2, cell: (c) => bytes(c.bytes) },
];

/* "2.4 /s"; what was not counted twice yet has no rate. */
function perSecond(rate) {
  if (rate === undefined) return "–";
  return `${rate === 0 || rate >= 10 ? count(rate) : rate.toFixed(1)} /s`;
}

const counterKey = (c) => `${c.source} ${c.topic}`;

/* What passed since the last reading, a second; a bus that began anew counts from 0. */
function rated(counters, before) {
  const at = performance.now();
  const seconds = before ? (at - before.at) / 1000 : 0;
  const seen = new Map();
  const rows = counters.map((c) => {
    const n = c.relayed || 0;
    const old = before && before.seen.get(counterKey(c));
    seen.set(counterKey(c), n);
    return seconds > 0 && n >= (old || 0) ? { ...c, rate: (n - (old || 0)) / seconds } : c;
  });
  return { rows, at, seen };
}

export default function actors(ctx) {
  const list = h("div");
  const counters = h("div");
  let more = new Map();
  let reading = null;
  const bad = h("p.bad", { hidden: true });

  async function load() {
    try {
      const answer = await get("actors");
      more = new Map((answer.actors || []).map((a) => [a.actor, a]));
      bad.hidden = true;
      reading = rated(answer.counters || [], reading);
      replace(
        counters,
        plainTable(
          "Messages through the bus",
          COUNTERS,
          reading.rows.slice().sort((a, b) => (b.relayed || 0) - (a.relayed || 0)),
          "No message was counted yet.",
        ),
      );
    } catch (error) {
      bad.hidden = false;
      replace(bad, error.message);
    }
    show();
  }

  function show() {
    const known = store.actors.size ? [...store.actors.values()] : [...more.values()];
    const rates = new Map();
    for (const c of reading ? reading.rows : [])
      if (c.rate !== undefined) rates.set(c.source, (rates.get(c.source) || 0) + c.rate);
    const rows = known.map((a) => ({
      ...(more.get(a.actor) || {}),
      ...a,
      rate: rates.get(a.actor),
    }));
    rows.sort((a, b) => (a.actor < b.actor ? -1 : 1));
    replace(list, plainTable("Processes", ACTORS, rows, "No process is known yet."));
  }
  const timer = setInterval(() => {
    if (!document.hidden) load();
  }, AGAIN_MS);
  const soon = setTimeout(load, FIRST_MS);
  ctx.onLeave(() => clearInterval(timer));
  ctx.onLeave(() => clearTimeout(soon));
  ctx.onLeave(on("actors anew", show));
  load();
  return {
    title: "Actors",
    node: [
      h("h1", null, "Actors"),
      h(
        "p.muted",
        null,
        "Each is a process of its own. One that ends is started again within a second; " +
          "machines and tasks do not notice. Rates are of the last 5 seconds.",
      ),
      bad,
      h("section.panel", { "aria-label": "Processes" }, h("h2", null, "Processes"), list),
      h(
        "section.panel",
        { "aria-label": "Messages" },
        h("h2", null, "Messages through the bus"),
        counters,
      ),
    ],
  };
}
