/* SPDX-License-Identifier: Apache-2.0
 * All machines that live, on demand also those that ended. */
import { copyButton, h, put } from "../dom.js";
import { get } from "../api.js";
import { store, on, living, machineName } from "../store.js";
import { teaching } from "../teach.js";
import { table } from "../table.js";
import { ago, money, price } from "../words.js";
import { ORDER, chip } from "../state.js";

const url = (m) => `/machines/${encodeURIComponent(machineName(m))}`;
const taskNames = (m) => (m.tasks || []).map((t) => t.name || t.id).join(", ");

const COLUMNS = [
  {
    key: "id",
    label: "machine",
    head: true,
    width: 264,
    sort: machineName,
    cell: (m) => [h("a", { href: url(m) }, machineName(m)), copyButton(machineName(m))],
  },
  {
    key: "state",
    label: "state",
    width: 104,
    sort: (m) => ORDER.indexOf(m.phase),
    cell: (m) => chip(m.phase),
  },
  {
    key: "since",
    label: "since",
    num: true,
    width: 80,
    sort: (m) => -(m.state_since_us || m.created_us),
    cell: (m) => ago(m.state_since_us || m.created_us, ""),
  },
  { key: "type", label: "type", width: 112, p: 2, sort: (m) => m.type, cell: (m) => m.type },
  {
    key: "offering",
    label: "offering",
    width: 184,
    p: 3,
    sort: (m) => m.offering || "",
    cell: (m) => m.offering || "–",
  },
  {
    key: "queue",
    label: "queues",
    width: 136,
    p: 3,
    sort: (m) => (m.queue_names || []).join(),
    cell: (m) => (m.queue_names || []).join(", ") || "–",
  },
  {
    key: "task",
    label: "task",
    p: 2,
    sort: taskNames,
    cell: (m) =>
      (m.tasks || []).map((t, i) => [
        i ? ", " : "",
        h("a", { href: `/tasks/${t.id}`, title: t.name }, t.name || t.id),
      ]),
  },
  {
    key: "price",
    label: "price",
    num: true,
    width: 120,
    p: 3,
    sort: (m) => m.price_usd_micros || null,
    cell: (m) => price(m.price_usd_micros),
  },
  {
    key: "spent",
    label: "spent",
    num: true,
    width: 88,
    p: 2,
    sort: (m) => m.spent_usd_micros || 0,
    cell: (m) => (m.price_usd_micros ? money(m.spent_usd_micros) : "unknown"),
  },
];

export function machineTable(ctx, more) {
  return table(ctx, {
    label: "Machines",
    noun: "machine",
    columns: COLUMNS,
    sort: "state",
    key: (m) => m.id,
    href: url,
    empty: () => (living().length ? "No machine is in this state." : teaching()),
    words: (m) => [
      machineName(m),
      m.id,
      m.phase,
      m.state,
      m.type,
      m.offering,
      taskNames(m),
      m.cause,
      ...(m.queue_names || []),
    ],
    ...more,
  });
}

export default function machines(ctx) {
  let ended = null;
  const phases = h("div.tabs", { role: "group", "aria-label": "State" });
  const buttons = ["", ...ORDER].map((phase) => {
    const button = h("button", { type: "button" }, phase ? chip(phase) : "alive");
    button.addEventListener("click", () => {
      ctx.setQuery("phase", phase);
      choose();
    });
    phases.append(button);
    return [phase, button];
  });
  const list = machineTable(ctx, { tools: phases });

  async function choose() {
    const wanted = ctx.query.get("phase") || "";
    for (const [phase, button] of buttons)
      put(button, "aria-pressed", String(phase === wanted));
    if (wanted === "ended" && !ended) {
      const answer = await get("machines?all=1&limit=1000").catch(() => ({ machines: [] }));
      ended = (answer.machines || []).filter((m) => m.phase === "ended");
    }
    update();
  }

  function update() {
    if (!store.loaded) return;
    const wanted = ctx.query.get("phase") || "";
    const known = [...store.machines.values()];
    if (wanted === "ended") {
      const all = new Map((ended || []).map((m) => [m.id, m]));
      known.filter((m) => m.phase === "ended").forEach((m) => all.set(m.id, m));
      return list.update([...all.values()]);
    }
    return list.update(
      known.filter((m) => (wanted ? m.phase === wanted : m.phase !== "ended")),
    );
  }
  ctx.onLeave(on("machines state", update));
  return {
    title: "Machines",
    fits: true,
    shown: choose,
    node: [h("h1", null, "Machines"), list.node],
  };
}
