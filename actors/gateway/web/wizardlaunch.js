/* SPDX-License-Identifier: Apache-2.0
 * The wizard's last screen: summary, dry run, launch. */
import { h, replace } from "./dom.js";
import { loadMe, mayWrite, me, post } from "./api.js";
import { askFirst } from "./dialog.js";
import { findingList } from "./findings.js";
import { limit } from "./words.js";
import { sentence } from "./wizardsteps.js";

const ASK_MS = 500;
const ASKS = 120;

/* w: {draft, most(), back(), goTo(path)}; {node, show(faults)}. */
export function launchPart(w) {
  const { draft } = w;
  const dry = h("div", { "aria-live": "polite" });
  const faultList = h("ul.faults");
  const node = h("div");
  const button = (kind, word, act, off) =>
    h(`button${kind}`, { type: "button", onclick: act, disabled: Boolean(off) }, word);
  const run = button("", "Dry run", async () => {
    run.disabled = true;
    replace(dry, h("p.muted", null, "Asking the server and each cloud; nothing is started…"));
    const { findings } = await draft.test("clearml");
    for (const account of draft.answers.accounts || []) {
      findings.push(...(await draft.test("cloud", account)).findings);
    }
    replace(dry, findingList(findings));
    run.disabled = false;
  });
  const go = button(".primary", "Launch…", () => askLaunch(w, node), !mayWrite());
  const fresh = [...draft.created].join(", ");
  replace(
    node,
    h("h2", { tabindex: "-1" }, "Summary"),
    h("p.lead", null, sentence(draft.answers)),
    fresh ? h("p", null, `New at the server: ${fresh}.`) : null,
    faultList,
    dry,
    h("div.acts", null, button("", "Back", w.back), run, go),
  );
  return {
    node,
    show: (faults) =>
      replace(
        faultList,
        faults.map((fault) =>
          h(
            "li",
            null,
            h("span.mark.s-failed", { "aria-hidden": "true" }, "✕"),
            button(".linklike", fault.path || "the file", () => w.goTo(fault.path)),
            ` ${fault.text}`,
          ),
        ),
      ),
  };
}

function askLaunch({ draft, most }, node) {
  const cost = most() ? most().per_hour_usd_micros : 0;
  askFirst({
    title: "Launch Drover?",
    verb: me().setup ? "Launch Drover" : "Write and apply drover.yaml",
    body: [
      h(
        "p",
        null,
        `drover.yaml and the files with secrets are written. ${sentence(draft.answers)}`,
      ),
      h(
        "p",
        null,
        "A machine starts when a task waits that it can run; at most ",
        cost ? limit(cost) : "an unknown sum",
        " an hour.",
      ),
    ],
    act: () =>
      post("wizard/launch", {
        config: draft.config(),
        secrets: draft.secrets(),
        create_queues: [...draft.created],
      }),
    done: (answer) => launched(draft, node, answer),
  });
}

/* The wizard's gateway ends and the real one comes up at the same address. */
async function launched(draft, node, answer) {
  draft.drop();
  const said = h("p.muted", { role: "status" }, "The overview opens as soon as it answers…");
  replace(
    node,
    h("h2", null, "Launched"),
    h("p.lead", null, answer.sentence || "Drover starts."),
    h(
      "ul",
      null,
      (answer.files || []).map((file) => h("li.mono", null, file)),
    ),
    said,
  );
  for (let i = 0; i < ASKS; i++) {
    await new Promise((done) => {
      setTimeout(done, ASK_MS);
    });
    const user = await loadMe().catch(() => null);
    if (user && !user.setup) return location.assign("/");
  }
  return replace(
    said,
    "It does not answer yet. ",
    h("code", null, "drover status"),
    " in a terminal says what is the matter.",
  );
}
