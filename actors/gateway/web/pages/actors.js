/* SPDX-License-Identifier: Apache-2.0
 * Drover's own processes and what passes between them. */
import { h, replace } from "../dom.js";
import { get } from "../api.js";
import { store, on } from "../store.js";
import { plainTable } from "../table.js";
import { ago, bytes, count, span } from "../words.js";
import { actorChip } from "../feed.js";

const ACTORS = [
  { label: "process", cell: (a) => a.actor },
  { label: "state", cell: (a) => actorChip(a.state) },
  { label: "since", num: true, cell: (a) => ago(a.since_us, "") },
  { label: "restarts", num: true, cell: (a) => count(a.restarts) },
  { label: "memory", num: true, p: 2, cell: (a) => bytes(a.memory_bytes) },
  { label: "CPU used", num: true, p: 2, cell: (a) => (a.cpu_ms ? span(a.cpu_ms) : "–") },
  { label: "process id", num: true, p: 3, cell: (a) => a.pid || "–" },
  { label: "last word", cls: "wrap", cell: (a) => a.sentence || "–" },
];
const COUNTERS = [
  { label: "from", cell: (c) => c.source },
  { label: "message", cell: (c) => c.topic },
  { label: "passed on", num: true, cell: (c) => count(c.relayed) },
  { label: "refused", num: true, cell: (c) => count(c.refused) },
  { label: "size", num: true, p: 2, cell: (c) => bytes(c.bytes) },
];

export default function actors(ctx) {
  const list = h("div");
  const counters = h("div");
  let more = new Map();
  const bad = h("p.bad", { hidden: true });

  async function load() {
    try {
      const answer = await get("actors");
      more = new Map((answer.actors || []).map((a) => [a.actor, a]));
      bad.hidden = true;
      replace(
        counters,
        plainTable(
          "Messages through the bus",
          COUNTERS,
          (answer.counters || []).slice().sort((a, b) => (b.relayed || 0) - (a.relayed || 0)),
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
    const rows = known.map((a) => ({ ...(more.get(a.actor) || {}), ...a }));
    rows.sort((a, b) => (a.actor < b.actor ? -1 : 1));
    replace(list, plainTable("Processes", ACTORS, rows, "No process is known yet."));
  }
  const timer = setInterval(() => {
    if (!document.hidden) load();
  }, 5000);
  ctx.onLeave(() => clearInterval(timer));
  ctx.onLeave(on("actors state", show));
  load();
  return {
    title: "Actors",
    node: [
      h("h1", null, "Actors"),
      h(
        "p.muted",
        null,
        "Each is a process of its own. One that ends is started again within a second; " +
          "machines and tasks do not notice.",
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
