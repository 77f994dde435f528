/* SPDX-License-Identifier: Apache-2.0
 * A machine's life as one band from wanted to gone, its tasks as bars under it,
 * on one time scale. */
import { h, size } from "./dom.js";
import { absolute, clock, now, spanUs } from "./words.js";
import { mark } from "./state.js";

const AS = {
  wanted: "waiting",
  launching: "booting",
  booting: "booting",
  up: "running",
  draining: "draining",
  absent: "draining",
  terminating: "draining",
  gone: "ended",
  cancelled: "ended",
  failed: "failed",
};
const LAST = new Set(["gone", "cancelled", "failed"]);
const LANE = 24;
const NARROW = 0.12; /* of the band: a stage without room for its word; the list below has it */

/* [{state, from, to, cause}] from the ledger's history, oldest first; the last one goes on. */
export function stagesOf(m, history, nowUs) {
  const rows = (history || [])
    .filter((row) => row.kind === "machine" && row.to && row.to !== row.from && AS[row.to])
    .sort((a, b) => a.seq - b.seq);
  const starts = rows.length
    ? rows.map((row) => ({ state: row.to, from: row.t_us, cause: row.cause }))
    : fromRow(m);
  const end = m.ended_us || nowUs;
  return starts.map((stage, i) => ({
    ...stage,
    to: i + 1 < starts.length ? starts[i + 1].from : LAST.has(stage.state) ? stage.from : end,
  }));
}

/* A machine older than the history: what its row still says. */
function fromRow(m) {
  const stages = [{ state: "wanted", from: m.created_us, cause: "" }];
  if (m.launched_us) stages.push({ state: "booting", from: m.launched_us, cause: "" });
  if (m.up_us) stages.push({ state: "up", from: m.up_us, cause: "" });
  if (!["wanted", "launching", "booting", "up"].includes(m.state)) {
    stages.push({ state: m.state, from: m.state_since_us || m.ended_us, cause: m.cause });
  }
  return stages;
}

export function life(m, history, work, tasks) {
  const stages = stagesOf(m, history, now());
  const from = stages[0].from;
  const to = Math.max(m.ended_us || now(), from + 1e6);
  const share = (us) => `${(100 * (us - from)) / (to - from)}%`;
  const names = new Map(tasks.map((t) => [t.id, t.name || t.id]));
  return h(
    "div",
    null,
    band(stages, from, to),
    lanes(work, names, share, to),
    h(
      "div.axis",
      null,
      h("span", null, absolute(from)),
      h("span", null, m.ended_us ? absolute(to) : `now, ${clock(to)}`),
    ),
    h(
      "ol.stages",
      null,
      stages.map((stage) =>
        h(
          `li.s-${AS[stage.state]}`,
          { title: stage.cause },
          h("span.mark", { "aria-hidden": "true" }, mark(AS[stage.state])),
          h("b", null, stage.state),
          " ",
          h(
            "span.muted",
            null,
            LAST.has(stage.state) ? clock(stage.from) : spanUs(stage.from, stage.to),
          ),
        ),
      ),
    ),
  );
}

function band(stages, from, to) {
  const wide = (s) => (s.to - s.from) / (to - from) > NARROW;
  return h(
    "div.band",
    {
      role: "img",
      "aria-label": stages.map((s) => `${s.state} ${spanUs(s.from, s.to)}`).join(", then "),
    },
    stages
      .filter((s) => s.to > s.from)
      .map((s) => {
        const node = h(
          `div.stage.s-${AS[s.state]}`,
          { title: `${s.state} ${spanUs(s.from, s.to)}${s.cause ? ` – ${s.cause}` : ""}` },
          wide(s) ? [h("b", null, s.state), " ", spanUs(s.from, s.to)] : null,
        );
        return size(node, "flex-grow", String((s.to - s.from) / (to - from)));
      }),
  );
}

/* One lane for each agent of the machine. */
function lanes(work, names, share, end) {
  const workers = [...new Set(work.map((row) => row.worker))].sort();
  const node = h("div.lanes", { role: "list", "aria-label": "Tasks that ran on it" });
  size(node, "height", `${Math.max(1, workers.length) * LANE}px`);
  for (const row of work) {
    const until = Math.min(row.to_us || end, end);
    const name = names.get(row.task) || row.task;
    const length = spanUs(row.from_us, row.to_us || end);
    const bar = h(
      "a.bar",
      {
        href: `/tasks/${row.task}`,
        title: `${name}: ${length}${row.to_us ? "" : ", runs"}, from ${absolute(row.from_us)}`,
      },
      name,
    );
    size(bar, "left", share(row.from_us));
    size(bar, "width", `calc(${share(until)} - ${share(row.from_us)} - 1px)`);
    size(bar, "top", `${workers.indexOf(row.worker) * LANE + 2}px`);
    node.append(h("span", { role: "listitem" }, bar));
  }
  if (!work.length)
    node.append(h("p.muted", { role: "listitem" }, "No task has run on it yet."));
  return node;
}
