/* SPDX-License-Identifier: Apache-2.0
 * In by name and password, or by the one-time link that the terminal gives. */
import { copyButton, h, say } from "../dom.js";
import { loadMe, post } from "../api.js";

export default function login(ctx) {
  const user = h("input", {
    id: "user",
    name: "user",
    autocomplete: "username",
    required: true,
  });
  const password = h("input", {
    id: "password",
    name: "password",
    type: "password",
    required: true,
    autocomplete: "current-password",
  });
  const next = ctx.query.get("next") || "/";
  const used = next === "/?login=used";
  const said = h(
    "p.bad",
    { role: "alert" },
    used ? "That link was used already, or is too old. Below is how to get another." : null,
  );
  const go = h("button.primary", { type: "submit" }, "Log in");
  const form = h(
    "form",
    null,
    h("div.field", null, h("label", { for: "user" }, "Name"), user),
    h("div.field", null, h("label", { for: "password" }, "Password"), password),
    said,
    go,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    say(said, "");
    try {
      await post("login", { user: user.value, password: password.value });
      await loadMe();
      window.dispatchEvent(new CustomEvent("drover:in"));
      ctx.go(next.startsWith("/") && !next.startsWith("//") && !used ? next : "/");
    } catch (error) {
      say(said, error.message);
      password.value = "";
      password.focus();
    }
    go.disabled = false;
  });
  const command = "drover token link";
  return {
    title: "Log in",
    shown: () => user.focus(),
    node: h(
      "div.login",
      null,
      h("h1", null, "Log in"),
      form,
      h("h2", null, "On the host that runs Drover"),
      h(
        "p",
        null,
        "No password is needed there: this prints a link that works once and for 15 minutes.",
      ),
      h("div.cmd", null, h("code", null, command), copyButton(command, "the command")),
    ),
  };
}
