/* SPDX-License-Identifier: Apache-2.0
 * One task: why it waits or where it runs, where it ran, how it was put back, what it cost. */
import { copyButton, h, replace } from "../dom.js";
import { get, seg } from "../api.js";
import { store, on, findMachine, machineName } from "../store.js";
import { plainTable } from "../table.js";
import { absolute, ago, moment, now, spanUs } from "../words.js";
import { chip } from "../state.js";
import { told } from "../told.js";
import { costBox } from "../costparts.js";

const machineLink = (id) => {
  const m = findMachine(id);
  const name = m ? machineName(m) : id;
  return [h("a", { href: `/machines/${seg(id)}` }, name), copyButton(name)];
};
const WORK = [
  { label: "machine", cell: (w) => machineLink(w.machine) },
  { label: "from", cell: (w) => absolute(w.from_us) },
  {
    label: "for",
    num: true,
    cell: (w) => (w.to_us ? spanUs(w.from_us, w.to_us) : [ago(w.from_us, ""), ", runs"]),
  },
  { label: "worker", p: 3, cls: "wrap", cell: (w) => w.worker },
];
const RECOVERIES = [
  { label: "when", cell: (r) => absolute(r.created_us) },
  { label: "step", cell: (r) => r.step },
  { label: "how", cell: (r) => r.mode },
  { label: "lost by", cell: (r) => (r.machine ? machineLink(r.machine) : "–") },
  { label: "what was seen", cls: "wrap", cell: (r) => r.note || "–" },
];

/* The queue's page knows what stands before it. */
function startOf(t, queue) {
  if (t.expected_us > now()) return ago(t.expected_us);
  return queue
    ? h("a", { href: `/queues/${seg(queue)}` }, "as its queue's page guesses")
    : null;
}

export default function task(ctx) {
  const head = h("div.title", null, h("h1", null, ctx.id));
  const why = h("p.lead", { "aria-live": "polite" });
  const body = h("div");

  async function load() {
    try {
      show(await get(`tasks/${seg(ctx.id)}`));
    } catch (error) {
      replace(
        why,
        h("span.bad", null, error.message),
        " ",
        h("a", { href: "/tasks" }, "All tasks"),
      );
    }
  }

  function show(found) {
    const t = found.task || { id: ctx.id };
    const web = store.server && store.server.web;
    document.title = `${t.name || ctx.id} · drover`;
    replace(
      head,
      h("h1", null, t.name || ctx.id),
      t.state ? chip(t.state) : null,
      h(
        "div.acts",
        null,
        web
          ? h(
              "a",
              {
                href: `${web}/projects/*/experiments/${seg(ctx.id)}`,
                target: "_blank",
                rel: "noreferrer",
              },
              "Open at ClearML ↗",
            )
          : null,
      ),
    );
    replace(why, told(found.sentence));
    const row = (word, value) => (value ? [h("dt", null, word), h("dd", null, value)] : null);
    replace(
      body,
      h(
        "div.cols",
        null,
        h(
          "section.panel",
          { "aria-label": "Facts" },
          h(
            "dl.facts",
            null,
            row("id", [h("span.mono", null, ctx.id), copyButton(ctx.id)]),
            row("project", t.project),
            row("user", t.user),
            row(
              "queue",
              found.queue && h("a", { href: `/queues/${seg(found.queue)}` }, found.queue),
            ),
            row("waiting", t.state === "waiting" && t.added_us && ago(t.added_us, "")),
            row("starts", t.state === "waiting" && startOf(t, found.queue)),
            row("machine", found.machine && machineLink(found.machine)),
            row("verdict", t.state === "waiting" && found.verdict),
          ),
        ),
        h("section.panel", { "aria-label": "Cost" }, costBox(found.cost, "so far")),
      ),
      h(
        "section.panel",
        { "aria-label": "Where it ran" },
        h("h2", null, "Where it ran"),
        plainTable("Where it ran", WORK, found.work || [], "On no machine yet."),
      ),
      (found.recoveries || []).length
        ? h(
            "section.panel",
            { "aria-label": "Put back" },
            h("h2", null, "How it was put back"),
            plainTable("Put back", RECOVERIES, found.recoveries),
          )
        : null,
      h(
        "section.panel",
        { "aria-label": "Story" },
        h("h2", null, "Its story"),
        h(
          "ol.feed",
          null,
          (found.dossier || []).map((line) =>
            h(
              "li",
              null,
              h("time", { title: absolute(line.t_us) }, moment(line.t_us)),
              h("span.text", null, line.text),
            ),
          ),
        ),
      ),
    );
  }

  const timer = setInterval(() => {
    if (store.live === "live" && !document.hidden) load();
  }, 5000);
  ctx.onLeave(() => clearInterval(timer));
  ctx.onLeave(on("state", load));
  load();
  return { title: ctx.id, node: [head, why, body] };
}
