/* SPDX-License-Identifier: Apache-2.0
 * What a probe found, one line each. */
import { h } from "./dom.js";

export function findingList(findings) {
  if (!findings.length) return h("p.muted", null, "Nothing was found out.");
  return h(
    "ul.faults",
    null,
    findings.map((f) => {
      const [mark, state] = f.unsure
        ? ["△", "waiting"]
        : f.ok
          ? ["●", "running"]
          : ["✕", "failed"];
      return h(
        "li",
        null,
        h("span", { class: `mark s-${state}`, "aria-hidden": "true" }, mark),
        h("span.sr", null, f.unsure ? "unsure: " : f.ok ? "good: " : "bad: "),
        f.what ? h("b", null, `${f.what}: `) : null,
        f.sentence,
        f.grant ? h("div.hint", null, "Grant: ", h("code", null, f.grant)) : null,
      );
    }),
  );
}
