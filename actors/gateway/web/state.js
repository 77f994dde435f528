/* SPDX-License-Identifier: Apache-2.0
 * The six states, each a colour (style.css), a mark and a word: never colour alone. */
import { h } from "./dom.js";

export const STATES = {
  waiting: { mark: "○", word: "waiting" },
  booting: { mark: "◔", word: "booting" },
  running: { mark: "●", word: "running" },
  idle: { mark: "–", word: "idle" },
  draining: { mark: "◗", word: "draining" },
  failed: { mark: "✕", word: "failed" },
  ended: { mark: "·", word: "ended" },
};

/* As the machine strip and the tables order them: what asks for a person first. */
export const ORDER = ["failed", "running", "idle", "booting", "draining", "waiting", "ended"];

export function mark(state) {
  return (STATES[state] || STATES.ended).mark;
}

export function chip(state, word) {
  const known = STATES[state] || STATES.ended;
  return h(
    `span.chip.s-${STATES[state] ? state : "ended"}`,
    null,
    h("span.mark", { "aria-hidden": "true" }, known.mark),
    word || known.word,
  );
}

/* What a plan's verdict means for the eye: waits and will start, waits and will not, or served. */
const VERDICTS = {
  served: "running",
  booting: "booting",
  bought: "booting",
  capped: "waiting",
  paused: "waiting",
  settling: "waiting",
  stale: "waiting",
  blocked: "failed",
  "no-type": "failed",
};

const VERDICT_WORDS = {
  bought: "starting",
  capped: "at its cap",
  settling: "about to start",
  stale: "not known",
  "no-type": "no machine type",
};

/* The planner's word, as people say it. */
export function verdictWord(verdict) {
  return VERDICT_WORDS[verdict] || verdict;
}

export function verdictState(verdict) {
  return VERDICTS[verdict] || "waiting";
}

export function colour(state) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--s-${state}`).trim();
}
