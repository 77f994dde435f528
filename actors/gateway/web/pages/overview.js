/* SPDX-License-Identifier: Apache-2.0
 * The first screen: four answers, each machine, demand and supply, queues with reasons,
 * activity. */
import { h, replace } from "../dom.js";
import { store, on, living } from "../store.js";
import { numbers } from "../numbers.js";
import { strip } from "../strip.js";
import { chart } from "../chart.js";
import { queueBox } from "../queuebox.js";
import { feedLine, folded } from "../feed.js";
import { teaching } from "../teach.js";

const LINE = 24;
const MOST_LINES = 12;
const MANY = 500;
const CALM_MS = 250;

export default function overview(ctx) {
  const figures = numbers();
  const machines = strip(ctx.go);
  const teach = h("div", { hidden: true });
  const graph = chart(ctx);
  const queues = queueBox();
  const lines = h("ol.feed");
  const feed = h(
    "section.panel.feedbox",
    { "aria-label": "Activity" },
    h(
      "div.panelhead",
      null,
      h("h2", null, "Activity"),
      h("span.sub", null, h("a", { href: "/activity" }, "all of it →")),
    ),
    lines,
  );
  const node = h(
    "div.overview",
    null,
    h("h1.sr", null, "Overview"),
    figures.node,
    h("section", { "aria-label": "Machines" }, machines.node, teach),
    h("div.halves", null, graph.node, queues.node),
    feed,
  );

  function showMachines() {
    machines.update();
    const none = store.loaded && !living().length;
    teach.hidden = !none;
    if (none && !teach.firstChild) replace(teach, teaching());
  }

  /* A thousand cells are not put in order for each machine that changed: the first is shown at
   * once, what follows within the pause together. */
  let timer = 0;
  let more = false;
  function showMachinesSoon() {
    more = true;
    if (!timer) showNow();
  }
  function showNow() {
    timer = 0;
    if (!more) return;
    more = false;
    showMachines();
    if (store.machines.size >= MANY) timer = setTimeout(showNow, CALM_MS);
  }
  ctx.onLeave(() => clearTimeout(timer));

  function showFeed() {
    const room = Math.max(3, Math.floor((feed.clientHeight - 48) / LINE));
    const newest = folded(store.activity.slice(0, 2 * MOST_LINES));
    const rows = newest.slice(0, Math.min(room, MOST_LINES));
    const there = new Map([...lines.children].map((li) => [li.dataset.seq, li]));
    const first = !lines.children.length;
    lines.replaceChildren(
      ...rows.map((row) => {
        const known = there.get(String(row.seq));
        if (known) return known;
        const li = feedLine(row);
        if (!first) li.classList.add("fresh");
        return li;
      }),
    );
    if (!rows.length) replace(lines, h("li.muted", null, "Nothing happened yet."));
  }

  function all() {
    if (!store.loaded) return;
    figures.update();
    showMachines();
    queues.update();
    showFeed();
  }
  ctx.onLeave(on("counts money actors server queues second", figuresOf(figures)));
  ctx.onLeave(on("machines state", showMachinesSoon));
  ctx.onLeave(on("queues state second", () => fresh() && queues.update()));
  ctx.onLeave(on("activity", showFeed));
  const resize = new ResizeObserver(all);
  resize.observe(node);
  ctx.onLeave(() => resize.disconnect());
  return {
    title: "Overview",
    node,
    fits: true,
    shown() {
      all();
      graph.draw(false);
    },
  };
}

/* Of a stream that is lost the last picture stays as it was. */
const fresh = () => store.loaded && store.live !== "lost";

const figuresOf = (figures) => () => {
  if (fresh()) figures.update();
};
