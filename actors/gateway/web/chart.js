/* SPDX-License-Identifier: Apache-2.0
 * Demand and supply: machines by state as stacked areas, waiting tasks as a line over them.
 * uPlot draws; its file is no module and sets window.uPlot. */
import { h, say } from "./dom.js";
import { store, on } from "./store.js";
import { colour, mark } from "./state.js";
import { clock, count, day, span } from "./words.js";

const STACK = ["running", "idle", "booting", "draining"]; /* from the ground up */
const LEAST_S = 900; /* a new Drover's chart is not one dot */
const MOST_S = 6 * 3600;

let loading = null;

function library() {
  if (window.uPlot) return Promise.resolve(window.uPlot);
  loading =
    loading ||
    new Promise((done, fail) => {
      document.head.append(
        h("link", { rel: "stylesheet", href: "/vendor/uplot/uPlot.min.css" }),
      );
      const script = h("script", { src: "/vendor/uplot/uPlot.iife.min.js" });
      script.onload = () => done(window.uPlot);
      script.onerror = () => {
        loading = null;
        script.remove();
        fail(new Error("no uPlot"));
      };
      document.head.append(script);
    });
  return loading;
}

/* Samples come each 10 s; a minute is a pixel or two. Of each bin the most is kept, so that no
 * waiting task is lost in a mean; a bin without any value is a gap. */
export function binned(samples, most) {
  const per = Math.max(1, Math.ceil(samples.t_us.length / most));
  const out = { t_us: [] };
  for (let i = 0; i < samples.t_us.length; i += per) out.t_us.push(samples.t_us[i]);
  for (const name of ["waiting", ...STACK]) {
    out[name] = out.t_us.map((_, bin) => {
      const values = samples[name]
        .slice(bin * per, bin * per + per)
        .filter((value) => value !== null && value !== undefined);
      return values.length ? Math.max(...values) : null;
    });
  }
  return out;
}

/* x, the running sums of STACK, waiting; a gap in any is a gap in all. */
export function stacked(samples) {
  const xs = samples.t_us.map((t) => t / 1e6);
  const sums = xs.map(() => 0);
  const columns = STACK.map((name) =>
    xs.map((_, i) => {
      const value = samples[name][i];
      if (value === null || value === undefined) return null;
      sums[i] += value;
      return sums[i];
    }),
  );
  return [xs, ...columns, samples.waiting];
}

const alpha = (hex, a) =>
  hex +
  Math.round(a * 255)
    .toString(16)
    .padStart(2, "0");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(uPlot, width, height, onCursor) {
  const stepped = uPlot.paths.stepped({ align: 1 });
  const series = STACK.map((name) => ({
    label: name,
    stroke: alpha(colour(name), 0.8),
    width: 1,
    fill: alpha(colour(name), name === "idle" ? 0.2 : 0.4),
    paths: stepped,
    points: { show: false },
  }));
  const axis = {
    stroke: css("--muted"),
    font: "12px system-ui",
    ticks: { stroke: css("--line"), width: 1, size: 4 },
    grid: { stroke: css("--line"), width: 1 },
  };
  return {
    width,
    height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: xRange },
      y: { range: (u, min, max) => [0, Math.max(4, max * 1.1)] },
    },
    series: [
      {},
      ...series,
      {
        label: "waiting",
        stroke: colour("waiting"),
        width: 2,
        paths: stepped,
        points: { show: false },
      },
    ],
    bands: STACK.slice(1).map((_, i) => ({ series: [i + 2, i + 1] })),
    axes: [
      {
        ...axis,
        size: 24,
        gap: 4,
        values: (u, ticks) => ticks.map((t) => clock(t * 1e6).slice(0, 5)),
      },
      {
        ...axis,
        size: (u, ticks) => 24 + 8 * Math.max(2, ...(ticks || []).map((t) => t.length)),
        label: "machines, tasks",
        labelSize: 16,
        labelFont: "12px system-ui",
        labelGap: 0,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000],
        values: (u, ticks) => ticks.map(count),
      },
    ],
    hooks: { setCursor: [(u) => onCursor(u.cursor.idx)] },
  };
}

function xRange(u, min, max) {
  if (min === null || min === undefined)
    return [Date.now() / 1000 - LEAST_S, Date.now() / 1000];
  return [Math.min(min, max - LEAST_S), max];
}

function nowWord() {
  if (!store.loaded) return "";
  return store.live === "lost" ? `at ${clock(store.pictureUs)}` : "now";
}

export function chart(ctx) {
  const values = new Map();
  const when = h("span.when", null, "");
  const legend = h(
    "div.legend",
    null,
    ["waiting", ...STACK].map((name) => {
      const n = h("span.n", null, "–");
      values.set(name, n);
      return h(
        `span.s-${name}`,
        null,
        h("span.mark", { "aria-hidden": "true" }, mark(name)),
        `${name} `,
        n,
      );
    }),
    when,
  );
  const reach = h("span.sub");
  const hole = h("div.chart", { role: "img", "aria-label": "Demand and supply" });
  const none = h("p.muted", null, "Asking for the last hours.");
  const node = h(
    "section.panel",
    { "aria-label": "Demand and supply" },
    h("div.panelhead", null, h("h2", null, "Demand and supply"), reach),
    legend,
    none,
    hole,
  );
  let plot = null;
  let bins = null;

  /* At the cursor what was sampled there; else what is true now, not the last sample. */
  function read(index) {
    const past = bins && index !== null && index !== undefined;
    const known = (name) => (past ? bins[name][index] : store.loaded && store.counts[name]);
    for (const [name, n] of values)
      say(n, Number.isFinite(known(name)) ? count(known(name)) : "–");
    const t_us = past && bins.t_us[index];
    say(when, past ? `${day(t_us)} ${clock(t_us)}` : nowWord());
  }
  const atCursor = () => (plot ? plot.cursor.idx : null);

  async function draw(anew) {
    const s = store.samples;
    none.hidden = Boolean(s && s.t_us.length > 1);
    if (s) say(none, "The first sample comes within 10 s.");
    if (!s || s.t_us.length < 2 || !hole.isConnected) return;
    const uPlot = await library().catch(() => null);
    if (!uPlot || !hole.isConnected) return;
    bins = binned(s, Math.max(60, Math.floor(hole.clientWidth / 2)));
    const data = stacked(bins);
    if (plot && anew) {
      plot.destroy();
      plot = null;
    }
    if (plot) plot.setData(data);
    else {
      plot = new uPlot(
        options(uPlot, hole.clientWidth || 400, Math.max(120, hole.clientHeight), read),
        data,
        hole,
      );
    }
    read(atCursor());
    const [from, until] = [s.t_us[0], s.t_us[s.t_us.length - 1]];
    const seconds = Math.min(MOST_S, Math.max(LEAST_S, (until - from) / 1e6));
    say(reach, `last ${span(Math.round(seconds / 60) * 60e3)}`);
    hole.setAttribute(
      "aria-label",
      `Demand and supply, ${reach.textContent}. Now: ${[...values]
        .map(([name, n]) => `${n.textContent} ${name}`)
        .join(", ")}`,
    );
  }

  const resize = new ResizeObserver(() => {
    if (plot && hole.clientWidth) {
      plot.setSize({ width: hole.clientWidth, height: Math.max(120, hole.clientHeight) });
    }
  });
  resize.observe(hole);
  ctx.onLeave(on("samples", () => draw(false)));
  ctx.onLeave(on("counts state live", () => read(atCursor())));
  ctx.onLeave(on("theme", () => draw(true)));
  ctx.onLeave(() => {
    resize.disconnect();
    if (plot) plot.destroy();
  });
  return { node, draw };
}
