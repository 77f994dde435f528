/* SPDX-License-Identifier: Apache-2.0
 * The wizard's screen of queues. */
import { h } from "./dom.js";
import { many } from "./wizardparts.js";

/* Queues are picked from the server's or made; each names its types, first choice first. */
export function queues(w) {
  const items = (w.answers.queues = w.answers.queues || []);
  const taken = new Map(items.map((q) => [q.name, q]));
  const names = [...new Set([...w.queues, ...taken.keys()])].filter(Boolean).sort();
  const pick = (name) => {
    const box = h("input", {
      type: "checkbox",
      checked: taken.has(name),
      onchange() {
        if (box.checked) items.push({ name, types: firstType(w) });
        else
          items.splice(
            items.findIndex((q) => q.name === name),
            1,
          );
        w.redraw();
      },
    });
    return h(
      "label",
      null,
      box,
      name,
      w.created.has(name) ? h("span.muted", null, " new") : null,
    );
  };
  const fresh = h("input", { id: "new-queue", autocomplete: "off" });
  const make = h(
    "button",
    {
      type: "button",
      onclick() {
        const name = fresh.value.trim();
        if (!name || taken.has(name)) return;
        if (!w.queues.includes(name)) w.created.add(name);
        items.push({ name, types: firstType(w) });
        w.redraw();
      },
    },
    "Create it at launch",
  );
  return h(
    "div",
    null,
    h(
      "div.field",
      null,
      h("span.label", null, "Queues at the server"),
      h(
        "div.picks",
        null,
        names.length
          ? names.map(pick)
          : h("span.muted", null, "None is known: test the ClearML server, or name one below."),
      ),
    ),
    h(
      "div.field",
      null,
      h("label", { for: "new-queue" }, "A new queue"),
      h("div.acts", null, fresh, make),
    ),
    items.length
      ? many(w, {
          list: "queues",
          section: "queue",
          noun: "queue",
          first: ["max_machines", "recovery"],
          shown: () => (field) => !["name", "types"].includes(field.key),
          also: (q) => typePicks(w, q),
        })
      : null,
  );
}

const firstType = (w) => (w.answers.machine_types || []).slice(0, 1).map((t) => t.name);

function typePicks(w, q) {
  return h(
    "div.field",
    null,
    h("span.label", null, "Machine types that serve it, first choice first"),
    h(
      "div.picks",
      null,
      (w.answers.machine_types || []).map((type) => {
        const place = (q.types || []).indexOf(type.name);
        const box = h("input", {
          type: "checkbox",
          checked: place >= 0,
          onchange() {
            q.types = (q.types || []).filter((name) => name !== type.name);
            if (box.checked) q.types.push(type.name);
            w.redraw();
          },
        });
        return h("label", null, box, place >= 0 ? `${place + 1}. ${type.name}` : type.name);
      }),
    ),
  );
}
