/* SPDX-License-Identifier: Apache-2.0
 * How numbers, times and money are said. Microseconds and millionths come in, words go out. */
import { h, say } from "./dom.js";

const THIN = "\u202f";
const MONEY = 1e6;

export function count(n) {
  const digits = String(Math.round(n || 0));
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
}

export function plural(n, one, many) {
  return `${count(n)} ${n === 1 ? one : many || one + "s"}`;
}

/* "$14.20", "$1 204"; what is less than ten cents has up to four digits, as prices have: "$0.0416".
 * What is not known is said so by price(). */
export function money(micros) {
  const sign = micros < 0 ? "−" : "";
  const exact = Math.abs(micros || 0) / MONEY;
  if (exact && exact < 0.00005) return `${sign}<$0.0001`;
  if (exact < 0.09995) return `${sign}$${exact.toFixed(4).replace(/0{1,2}$/, "")}`;
  const size = Math.round(exact * 100) / 100;
  return `${sign}$${size < 1000 ? size.toFixed(2) : count(size)}`;
}

/* A limit that someone typed: whole dollars stay whole. */
export function limit(micros) {
  return micros % MONEY ? money(micros) : `$${count(micros / MONEY)}`;
}

export function price(micros) {
  return micros > 0 ? `${money(micros)}${THIN}/h` : "price unknown";
}

/* "6m 10s": two parts at most, "0s" for nothing. */
export function span(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s}s`;
  if (s < 3600) return two(Math.floor(s / 60), "m", s % 60, "s");
  if (s < 86400) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "m");
  return two(Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h");
}

function two(a, unitA, b, unitB) {
  return b ? `${a}${unitA} ${b}${unitB}` : `${a}${unitA}`;
}

export function spanUs(fromUs, toUs) {
  return span((toUs - fromUs) / 1000);
}

const pad = (n) => String(n).padStart(2, "0");

export function clock(us) {
  const d = new Date(us / 1000);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
}

export function day(us) {
  const d = new Date(us / 1000);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
}

/* In the viewer's zone. */
export function absolute(us) {
  return `${day(us)} ${clock(us)}`;
}

export function iso(us) {
  return new Date(us / 1000).toISOString();
}

/* The server's time now, in microseconds: its last tick and what our own clock added since. */
let tickUs = 0;
let tickAt = 0;

export function setNow(us) {
  tickUs = us;
  tickAt = performance.now();
}

export function now() {
  return tickUs ? tickUs + (performance.now() - tickAt) * 1000 : Date.now() * 1000;
}

/* A time that is told relatively and renewed each second; absolute on hover. */
export function ago(us, suffix = " ago") {
  if (!us) return h("span.muted", null, "–");
  const node = h("time", { datetime: iso(us), title: absolute(us) });
  node.dataset.us = us;
  node.dataset.suffix = suffix;
  renew(node);
  return node;
}

function renew(node) {
  const us = Number(node.dataset.us);
  const gap = now() - us;
  say(node, gap >= 0 ? span(gap / 1000) + node.dataset.suffix : `in ${span(-gap / 1000)}`);
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/* "14:02:11", on another day than today "24 Nov 14:02:11". */
export function moment(us) {
  if (day(us) === day(now())) return clock(us);
  const d = new Date(us / 1000);
  return `${d.getDate()} ${MONTHS[d.getMonth()]} ${clock(us)}`;
}

/* A point in time: told as it is. */
export function at(us) {
  if (!us) return h("span.muted", null, "–");
  return h("time", { datetime: iso(us), title: absolute(us) }, moment(us));
}

export function renewTimes() {
  for (const node of document.querySelectorAll("time[data-us]")) renew(node);
}

export function bytes(n) {
  if (!n) return "–";
  if (n < 1 << 20) return `${Math.round(n / 1024)} KiB`;
  return `${(n / (1 << 20)).toFixed(n < 10 << 20 ? 1 : 0)} MiB`;
}
