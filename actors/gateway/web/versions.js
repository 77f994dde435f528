/* SPDX-License-Identifier: Apache-2.0
 * Earlier versions of drover.yaml: who, when, what differed; back into the editor. */
import { h, replace } from "./dom.js";
import { get } from "./api.js";
import { look } from "./dialog.js";
import { diffView } from "./diff.js";
import { plainTable } from "./table.js";
import { absolute } from "./words.js";

export function versions({ current, restore }) {
  const node = h("section.panel", { "aria-label": "History" }, h("p.muted", null, "Asking…"));
  const text = async (n) => (await get(`config/history/${n}`)).text;

  async function compare(v, before) {
    const [now, then] = await Promise.all([text(v.n), before ? text(before.n) : ""]);
    look(`What version ${v.n} changed`, diffView(then, now));
  }
  async function view(v) {
    look(`Version ${v.n} beside the file`, diffView(await text(v.n), current()));
  }
  const act = (word, run) =>
    h(
      "button",
      {
        type: "button",
        onclick: () =>
          run().catch((error) => look("That did not work", h("p", null, error.message))),
      },
      word,
    );

  get("config/history").then(
    ({ versions: list = [] }) =>
      replace(
        node,
        plainTable(
          "Versions",
          [
            { label: "version", num: true, cell: (v) => v.n },
            { label: "when", cell: (v) => absolute(v.t_us) },
            { label: "by", cell: (v) => v.by || "–" },
            { label: "note", cls: "wrap", cell: (v) => v.note || "–" },
            {
              label: "hash",
              p: 3,
              cell: (v) => h("span.mono", null, (v.hash || "").slice(0, 12)),
            },
            {
              label: "acts",
              cell: (v) =>
                h(
                  "span.acts",
                  null,
                  act("What it changed", () => compare(v, list[list.indexOf(v) + 1])),
                  act("Beside now", () => view(v)),
                  act("Into the editor", async () => restore(await text(v.n), v.n)),
                ),
            },
          ],
          list,
          "The file was not changed since Drover keeps versions.",
        ),
      ),
    (error) => replace(node, h("p.bad", null, error.message)),
  );
  return node;
}
