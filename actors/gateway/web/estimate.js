/* SPDX-License-Identifier: Apache-2.0
 * When waiting tasks may start, as far as one can tell: each answer says what it rests on, or why
 * there is none. Pure. */
import { machineName } from "./store.js";
import { plural, span } from "./words.js";

const ENOUGH = 3; /* fewer tasks that ended say nothing about the next one */
const HOPELESS = {
  blocked: "needs a person",
  "no-type": "needs a person",
  stale: "not known now",
};

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (!sorted.length) return 0;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/* How long tasks of each queue ran lately: queue -> {us, n}. */
export function usualRuns(ended) {
  const runs = new Map();
  for (const t of ended) {
    if (!t.queue || !t.from_us || !t.to_us || t.to_us <= t.from_us) continue;
    if (!runs.has(t.queue)) runs.set(t.queue, []);
    runs.get(t.queue).push(t.to_us - t.from_us);
  }
  const usual = new Map();
  for (const [queue, lengths] of runs) {
    if (lengths.length >= ENOUGH) usual.set(queue, { us: median(lengths), n: lengths.length });
  }
  return usual;
}

/* From "wanted" to "up", of machines of this type that are known. */
function usualStart(type, all) {
  return median(
    all
      .filter((m) => m.type === type && m.up_us && m.created_us)
      .map((m) => m.up_us - m.created_us),
  );
}

/* Each moment at which a slot is there for the next task: {us (0: nobody can tell), basis}. */
function openings({ machines, all, running, ended, at }) {
  const usual = usualRuns(ended);
  const list = [];
  for (const m of machines) {
    if (m.phase === "idle") {
      list.push({ us: at, basis: `${machineName(m)} is idle and asks for a task` });
    } else if (m.phase === "waiting") {
      const took = usualStart(m.type, all);
      list.push({
        us: took ? Math.max(at, m.created_us + took) : 0,
        basis: took
          ? `a machine of type ${m.type} is asked for; ${span(took / 1000)} is usual`
          : `a machine of type ${m.type} is asked for; none has started yet to measure by`,
      });
    } else if (m.phase === "running") {
      running
        .filter((t) => t.machine === m.id)
        .forEach((t) => list.push(endOf(t, m, usual.get(t.queue), at)));
    }
  }
  return list.sort((a, b) => (a.us || Infinity) - (b.us || Infinity));
}

function endOf(task, m, usual, at) {
  const who = `${task.name || task.id} on ${machineName(m)}`;
  if (!usual || !task.from_us)
    return {
      us: 0,
      basis: `too few tasks of ${task.queue || "its queue"} have ended to say when ${who} will`,
    };
  const took = span(usual.us / 1000);
  const end = task.from_us + usual.us;
  return end > at
    ? {
        us: end,
        basis: `when ${who} ends, if it takes ${took} as the last ${usual.n} of ${task.queue}`,
      }
    : { us: 0, basis: `${who} runs longer than the usual ${took} already` };
}

/* tasks: in the order of their queue. Returns for each {us, word, basis}: us is a guess unless
 * `sure`; without us, word says why. */
export function starts(tasks, known) {
  const { queue } = known;
  const free = openings(known);
  let next = 0;
  return tasks.map((t) => {
    if (t.expected_us) return { us: t.expected_us, sure: true, basis: "its machine boots" };
    if (queue.paused && queue.paused.since_us)
      return { us: 0, word: "not while paused", basis: "its queue is paused" };
    const word = HOPELESS[t.verdict || queue.verdict];
    if (word) return { us: 0, word, basis: t.sentence || queue.sentence || "" };
    const slot = free[next++];
    if (slot && slot.us) return { us: slot.us, basis: slot.basis };
    return {
      us: 0,
      word: "unknown",
      basis: slot
        ? slot.basis
        : `more tasks wait before it than machines of ${queue.name} become free once`,
    };
  });
}

/* What the guesses of a page rest on, in one sentence; "" when there is none. */
export function groundOf(guesses, queue, ended) {
  if (!guesses.some((g) => g.us && !g.sure)) return "";
  const usual = usualRuns(ended).get(queue);
  return usual
    ? `~ is a guess: a busy machine is taken to be free after ${span(usual.us / 1000)}, the ` +
        `median of the last ${plural(usual.n, "task")} of ${queue}.`
    : "~ is a guess; its reason stands there on hover.";
}
