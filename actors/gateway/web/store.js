/* SPDX-License-Identifier: Apache-2.0
 * What is known, and who wants to hear of it. Changes of one frame are told together. */

const ACTIVITY_MOST = 1000;
const SAMPLES_MOST = 2200; /* six hours, one each 10 s */
const ENDED_MOST = 2000;

export const store = {
  loaded: false,
  live: "connecting" /* connecting, live, lost: only "live" may be shown as now */,
  pictureUs: 0 /* the last word of the server */,
  version: "",
  deployment: "",
  startedUs: 0,
  ready: true,
  missing: [],
  server: { state: "ok", sentence: "" },
  blocked: "",
  counts: { waiting: 0, booting: 0, running: 0, idle: 0, draining: 0, failed: 0 },
  machines: new Map(),
  queues: new Map(),
  actors: new Map(),
  money: null,
  pauses: [],
  activity: [],
  samples: null,
};

const listeners = new Map();
let dirty = new Set();
let planned = false;

/* The returned function ends it. */
export function on(topics, listener) {
  const names = topics.split(" ");
  for (const name of names) {
    if (!listeners.has(name)) listeners.set(name, new Set());
    listeners.get(name).add(listener);
  }
  return () => names.forEach((name) => listeners.get(name).delete(listener));
}

export function changed(topic) {
  dirty.add(topic);
  if (planned) return;
  planned = true;
  requestAnimationFrame(flush);
}

function flush() {
  planned = false;
  const topics = dirty;
  dirty = new Set();
  const told = new Set();
  for (const topic of topics) {
    for (const listener of listeners.get(topic) || []) {
      if (told.has(listener)) continue;
      told.add(listener);
      listener(topics);
    }
  }
}

export function takeState(state) {
  if (store.loaded) changed("anew"); /* pages ask again for what is no part of it */
  store.loaded = true;
  store.pictureUs = state.t_us;
  store.version = state.version;
  store.deployment = state.deployment;
  store.startedUs = state.started_us;
  store.ready = state.ready;
  store.missing = state.missing || [];
  store.server = state.server || store.server;
  store.blocked = state.blocked || "";
  store.counts = state.counts;
  store.money = state.money || null;
  store.pauses = state.pauses || [];
  store.activity = state.activity || [];
  store.machines = new Map((state.machines || []).map((m) => [m.id, m]));
  store.queues = new Map((state.queues || []).map((q) => [q.name, q]));
  store.actors = new Map((state.actors || []).map((a) => [a.actor, a]));
  [
    "state",
    "server",
    "counts",
    "money",
    "pauses",
    "activity",
    "machines",
    "queues",
    "actors",
  ].forEach(changed);
}

/* A page left open for days keeps the last ended machines, not all. */
function forgetEnded() {
  const ended = [...store.machines.values()].filter((m) => m.phase === "ended");
  if (ended.length <= ENDED_MOST) return;
  ended.sort((a, b) => (a.ended_us || 0) - (b.ended_us || 0));
  for (const m of ended.slice(0, ENDED_MOST / 2)) store.machines.delete(m.id);
}

const takers = {
  machine(m) {
    store.machines.set(m.id, m);
    if (m.phase === "ended") forgetEnded();
    changed("machines");
  },
  queue(q) {
    store.queues.set(q.name, q);
    changed("queues");
  },
  counts(c) {
    store.counts = c;
    changed("counts");
  },
  money(m) {
    store.money = m;
    changed("money");
  },
  server(s) {
    store.server = s;
    changed("server");
  },
  pauses(p) {
    store.pauses = Array.isArray(p) ? p : p.pauses || [];
    changed("pauses");
  },
  actor(a) {
    store.actors.set(a.actor, a);
    changed("actors");
  },
  missing(m) {
    /* A part that was away is back: what it said meanwhile is in a new state only. */
    if (m.ready && !store.ready) changed("back");
    store.ready = Boolean(m.ready);
    store.missing = m.missing || [];
    changed("server");
  },
  blocked(b) {
    store.blocked = typeof b === "string" ? b : b.blocked || b.sentence || "";
    changed("server");
  },
  activity(a) {
    if (store.activity.length && store.activity[0].seq >= a.seq) return;
    store.activity.unshift(a);
    if (store.activity.length > ACTIVITY_MOST) store.activity.length = ACTIVITY_MOST;
    changed("activity");
  },
  sample(s) {
    const last = store.samples && store.samples.t_us[store.samples.t_us.length - 1];
    if (!store.samples || last >= s.t_us) return;
    for (const [name, values] of Object.entries(store.samples)) {
      if (!Array.isArray(values)) continue;
      values.push(s[name] === undefined ? null : s[name]);
      if (values.length > SAMPLES_MOST) values.shift();
    }
    changed("samples");
  },
};

export const EVENTS = Object.keys(takers);

export function take(event, data) {
  takers[event](data);
}

/* Machines that live: the picture of a flock has no ended ones. */
export function living() {
  return [...store.machines.values()].filter((m) => m.phase !== "ended");
}

export function machineName(m) {
  return m.instance_id || m.id;
}

export function findMachine(id) {
  if (store.machines.has(id)) return store.machines.get(id);
  for (const m of store.machines.values()) if (m.instance_id === id) return m;
  return null;
}
