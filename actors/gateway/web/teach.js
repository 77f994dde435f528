/* SPDX-License-Identifier: Apache-2.0
 * What an empty flock says: what will happen, and the command that makes it happen. */
import { copyButton, h } from "./dom.js";
import { store } from "./store.js";

/* The command that puts a task into this queue. */
export function enqueueing(queue) {
  const command =
    "clearml-task --project examples --name first --script hello.py " + `--queue ${queue}`;
  return h("div.cmd", null, h("code", null, command), copyButton(command, "the command"));
}

export function teaching() {
  const queue = [...store.queues.values()][0];
  if (!queue) return unserved();
  const type = (queue.types || [])[0];
  return h(
    "div.empty",
    null,
    h("h2", null, "No machine runs, and none is paid for"),
    h(
      "p",
      null,
      `When a task is enqueued in ${queue.name}, Drover starts a machine${
        type ? ` of type ${type}` : ""
      } within seconds; it shows here as ◔ booting, then as ● running. `,
      "It goes when it has been idle for its idle_timeout. This enqueues one:",
    ),
    enqueueing(queue.name),
  );
}

function unserved() {
  return h(
    "div.empty",
    null,
    h("h2", null, "No queue is served yet"),
    h(
      "p",
      null,
      "Drover starts machines for the tasks of the queues that its configuration names. ",
      h("a", { href: "/wizard" }, "Set it up"),
      " or ",
      h("a", { href: "/config" }, "edit drover.yaml"),
      ".",
    ),
  );
}
