/* SPDX-License-Identifier: Apache-2.0
 * The stream. A picture is live only while ticks come: 3 s without one and the page says so. */
import { get } from "./api.js";
import { store, on, changed, takeState, take, EVENTS } from "./store.js";
import { now, setNow, renewTimes } from "./words.js";

const QUIET_MS = 3000; /* docs/gateway.md: a tick each second */
const DEAD_MS = 10000; /* a half-open connection: begin anew */
const SLOWEST_MS = 10000;

let stream = null;
let heardAt = 0;
let beganAt = 0;
let failures = 0;
let retry = 0;
let asked = null;
let begun = 0;

let watching = false;

export function start() {
  if (watching) return again();
  watching = true;
  setInterval(watch, 500);
  window.addEventListener("online", again);
  on("back", again);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) watch();
  });
  again();
}

export function stop() {
  if (stream) stream.close();
  stream = null;
  clearTimeout(retry);
  begun++;
}

export function again() {
  stop();
  beganAt = performance.now();
  load(begun);
}

async function load(mine) {
  if (asked) asked.abort();
  asked = new AbortController();
  const limit = setTimeout(() => asked.abort(), DEAD_MS);
  try {
    const state = await get("state", asked.signal);
    if (mine !== begun) return;
    takeState(state);
    setNow(state.t_us);
    heard();
    open(state.boot, state.seq);
    loadSamples(); /* those of a stream that was lost are missing */
  } catch (error) {
    if (mine === begun && error.status !== 401) later();
  } finally {
    clearTimeout(limit);
  }
}

export async function loadSamples() {
  const since = Math.round(now() - 6 * 3600e6);
  try {
    store.samples = await get(`samples?since_us=${since}`);
    changed("samples");
  } catch {
    /* the chart says that it has nothing yet; the next state asks again */
  }
}

function later() {
  failures++;
  setLive();
  clearTimeout(retry);
  const wait = Math.min(SLOWEST_MS, 500 * 2 ** failures);
  retry = setTimeout(again, wait * (0.75 + Math.random() / 2));
}

function open(boot, seq) {
  stream = new EventSource(`/api/v1/events?after=${encodeURIComponent(`${boot}-${seq}`)}`);
  const mine = stream;
  const listen = (name, act) =>
    stream.addEventListener(name, (event) => {
      if (stream !== mine) return;
      heard();
      act(event.data ? JSON.parse(event.data) : {});
    });
  listen("hello", (d) => {
    failures = 0;
    if (d.t_us) setNow(d.t_us);
  });
  listen("tick", (d) => {
    store.pictureUs = d.t_us;
    setNow(d.t_us);
  });
  listen("reset", () => {
    store.samples = null;
    again();
  });
  for (const name of EVENTS) listen(name, (d) => take(name, d));
  stream.onerror = () => {
    /* The browser reconnects by itself unless the answer was a refusal. */
    if (stream === mine && mine.readyState === EventSource.CLOSED) {
      stop();
      later();
    }
  };
}

function heard() {
  heardAt = performance.now();
  setLive();
}

export function silentMs() {
  return heardAt ? performance.now() - heardAt : 0;
}

function setLive() {
  const next =
    heardAt && silentMs() < QUIET_MS ? "live" : heardAt || failures ? "lost" : "connecting";
  if (next === store.live) return;
  store.live = next;
  changed("live");
}

function watch() {
  setLive();
  if (stream && silentMs() > DEAD_MS && performance.now() - beganAt > DEAD_MS) again();
  if (!document.hidden) {
    if (store.live !== "lost") renewTimes(); /* an old wait does not grow: it may be over */
    changed("second");
  }
}
