/* SPDX-License-Identifier: Apache-2.0
 * Who may come in: people and API tokens. A token is shown once. */
import { copyButton, h, replace } from "./dom.js";
import { get, mayWrite, post, remove, seg } from "./api.js";
import { askFirst, box, toast } from "./dialog.js";
import { plainTable } from "./table.js";
import { ago } from "./words.js";

const ROLES = [
  ["viewer", "viewer: sees everything, changes nothing"],
  ["operator", "operator: also ends machines and changes the configuration"],
];

function field(id, label, props) {
  const input = h("input", { id, required: true, autocomplete: "off", ...props });
  return { input, node: h("div.field", null, h("label", { for: id }, label), input) };
}

function roleField() {
  const input = h(
    "select",
    { id: "role" },
    ROLES.map(([value, word]) => h("option", { value }, word)),
  );
  return { input, node: h("div.field", null, h("label", { for: "role" }, "Role"), input) };
}

const adder = (word, act) =>
  h("button", { type: "button", disabled: !mayWrite(), onclick: act }, word);

export function access() {
  const tokens = h("div");
  const users = h("div");
  const fail = (into) => (error) => replace(into, h("p.bad", null, error.message));
  const end = (what, name, path, again) =>
    h(
      "button.danger",
      {
        type: "button",
        disabled: !mayWrite(),
        onclick: () =>
          askFirst({
            title: `Remove ${name}?`,
            verb: `Remove ${name}`,
            danger: true,
            body: h("p", null, `${what} ${name} is refused from now on.`),
            act: () => remove(path),
            done: again,
          }),
      },
      "Remove…",
    );

  function loadTokens() {
    get("tokens").then(
      ({ tokens: list = [] }) =>
        replace(
          tokens,
          plainTable(
            "Tokens",
            [
              { label: "name", cell: (t) => t.name },
              { label: "role", cell: (t) => t.role },
              { label: "made", cell: (t) => ago(t.created_us) },
              { label: "last used", p: 2, cell: (t) => ago(t.used_us) },
              {
                label: "acts",
                cell: (t) => end("The token", t.name, `tokens/${seg(t.id)}`, loadTokens),
              },
            ],
            list,
            "No token yet: scripts use one, drover --gateway URL too.",
          ),
        ),
      fail(tokens),
    );
  }

  function loadUsers() {
    get("users").then(
      ({ users: list = [] }) =>
        replace(
          users,
          plainTable(
            "People",
            [
              { label: "name", cell: (u) => u.name },
              { label: "role", cell: (u) => u.role },
              {
                label: "acts",
                cell: (u) => end("The account", u.name, `users/${seg(u.name)}`, loadUsers),
              },
            ],
            list,
            "No account: people come in by the one-time link.",
          ),
        ),
      fail(users),
    );
  }

  function addToken() {
    const name = field("token-name", "What it is for", { pattern: "[A-Za-z0-9._-]{1,63}" });
    const role = roleField();
    askFirst({
      title: "New API token",
      verb: "Make the token",
      body: [name.node, role.node],
      act: () => post("tokens", { name: name.input.value, role: role.input.value }),
      done: (made) => {
        box(
          "The token, shown this once",
          h("div.cmd", null, h("code", null, made.token), copyButton(made.token, "the token")),
          h("p", null, "Only its hash is kept. " + "Send it as Authorization: Bearer …"),
        );
        loadTokens();
      },
    });
  }

  function addUser() {
    const name = field("user-name", "Name", { pattern: "[A-Za-z0-9._-]{1,63}" });
    const password = field("user-password", "Password", {
      type: "password",
      minlength: "8",
      autocomplete: "new-password",
    });
    const role = roleField();
    askFirst({
      title: "New account",
      verb: "Make the account",
      body: [name.node, password.node, role.node],
      act: () =>
        post("users", {
          name: name.input.value,
          password: password.input.value,
          role: role.input.value,
        }),
      done: () => {
        toast(`${name.input.value} may log in.`);
        loadUsers();
      },
    });
  }

  loadTokens();
  loadUsers();
  return h(
    "div.cols",
    null,
    h(
      "section.panel",
      { "aria-label": "People" },
      h(
        "div.title",
        null,
        h("h2", null, "People"),
        h("div.acts", null, adder("New account…", addUser)),
      ),
      users,
    ),
    h(
      "section.panel",
      { "aria-label": "Tokens" },
      h(
        "div.title",
        null,
        h("h2", null, "API tokens"),
        h("div.acts", null, adder("New token…", addToken)),
      ),
      tokens,
    ),
  );
}
