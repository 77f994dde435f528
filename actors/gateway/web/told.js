/* SPDX-License-Identifier: Apache-2.0
 * Sentences of Drover's parts as people read them here: times in the viewer's zone, tasks by
 * their names. */
import { store } from "./store.js";
import { moment } from "./words.js";

const UTC = /\b(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC\b/g;
const TASK = /\b[0-9a-f]{32}\b/g;

/* Those that run are known with their names; of others the id says which. */
function nameOf(id) {
  for (const m of store.machines.values())
    for (const t of m.tasks || []) if (t.id === id) return t.name || id;
  return id;
}

export function told(sentence) {
  return (sentence || "")
    .replace(UTC, (all, day, time) => moment(Date.parse(`${day}T${time}Z`) * 1000))
    .replace(TASK, nameOf);
}
