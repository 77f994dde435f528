/* SPDX-License-Identifier: Apache-2.0
 * What is around every page: navigation, the live mark, the banners. */
import { h, replace, say, toggle } from "./dom.js";
import { mayWrite, me, post } from "./api.js";
import { store, on, changed } from "./store.js";
import { again, silentMs } from "./live.js";
import { absolute, clock, now, span } from "./words.js";
import { explain, toast } from "./dialog.js";
import { setHelp } from "./keys.js";

const byId = (id) => document.getElementById(id);

export function start(login) {
  on("live second server state", showLive);
  on("live server state pauses money", showBanners);
  on("second", () => {
    if (store.live === "lost") showBanners();
  });
  on("state", () => say(byId("deployment"), store.deployment ? ` · ${store.deployment}` : ""));
  byId("theme").addEventListener("click", turnTheme);
  byId("help").addEventListener("click", explain);
  setHelp(explain);
  byId("leave").addEventListener("click", async () => {
    await post("logout").catch(() => null);
    login();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    showTheme();
    changed("theme");
  });
  showTheme();
}

export function showUser() {
  const { user, role } = me();
  byId("leave").hidden = !user;
  byId("leave").title = user ? `Log out ${user} (${role})` : "";
}

export function showPlace(path) {
  for (const link of byId("nav").children) {
    const target = link.getAttribute("href");
    const here =
      target === "/" ? path === "/" : path === target || path.startsWith(target + "/");
    if (here) {
      link.setAttribute("aria-current", "page");
      byId("nav").scrollLeft = link.offsetLeft - byId("nav").offsetLeft - 48;
    } else link.removeAttribute("aria-current");
  }
}

export function isDark() {
  const told = document.documentElement.dataset.theme;
  return told ? told === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function turnTheme() {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem("drover-theme", next);
  } catch {
    /* for this page only */
  }
  showTheme();
  changed("theme");
}

function showTheme() {
  say(byId("theme"), isDark() ? "☀" : "☾");
  byId("theme").title = isDark() ? "Light" : "Dark";
}

/* The words change only with the state: a screen reader is not told each second. */
function showLive() {
  const node = byId("live");
  const [mark, words] = node.children;
  toggle(document.body, "stale", store.live === "lost");
  /* A part of Drover does not answer: what it tells is old, though the stream is not. */
  const partly = store.loaded && store.live === "live" && !store.ready;
  node.className = `live ${store.live}${partly ? " partly" : ""}`;
  node.title = partly ? store.missing.join("\n") : "";
  say(mark, store.live === "connecting" ? "○" : partly ? "△" : "●");
  if (store.live === "lost") {
    say(words, store.loaded ? `${span(silentMs())} old` : "no answer");
    node.setAttribute("aria-live", "off");
  } else {
    node.setAttribute("aria-live", "polite");
    say(words, partly ? "in part" : store.live);
  }
}

function lostBanner() {
  if (store.live !== "lost") return null;
  const since = now() - silentMs() * 1000;
  const words = store.loaded
    ? [
        h("b", null, "The gateway is silent"),
        ` since ${clock(since)} (${span(silentMs())}). `,
        `This is the picture of ${clock(since)}. Machines and tasks go on without it. `,
      ]
    : [
        h("b", null, "The gateway does not answer."),
        " Machines and tasks go on without it; this page asks again. ",
      ];
  const button = h("button", { type: "button" }, "Ask now");
  button.addEventListener("click", again);
  return banner("warn", words, button);
}

function serverBanner() {
  const s = store.server;
  if (!store.loaded || !s || !s.state || s.state === "ok" || s.state === "unknown") return null;
  return banner(s.state === "wrong-key" || s.state === "broken" ? "bad" : "warn", [
    h("b", null, `ClearML server: ${s.state.replace("-", " ")}`),
    ` – ${s.sentence} `,
    s.since_us
      ? h("span", { title: absolute(s.since_us) }, `Since ${clock(s.since_us)}. `)
      : null,
    "Tasks that run go on; nothing is started or ended on old news.",
  ]);
}

function pauseBanner() {
  const all = store.pauses.find((p) => !p.queue && p.since_us);
  if (!all) return null;
  const button = mayWrite() ? h("button", { type: "button" }, "Resume starting") : null;
  if (button)
    button.addEventListener("click", () =>
      post("resume", {})
        .then(() => toast("Machines start again."))
        .catch((e) => toast(e.message)),
    );
  return banner(
    "warn",
    [
      h("b", null, "Starting is paused"),
      ` since ${clock(all.since_us)}`,
      all.by ? ` by ${all.by}` : "",
      all.sentence ? `: ${all.sentence}` : "",
      ". ",
    ],
    button,
  );
}

function moneyBanner() {
  if (!store.money || !store.money.waiting) return null;
  return banner("bad", [
    h("b", null, "Nothing starts: "),
    `${store.money.waiting} `,
    h("a", { href: "/costs" }, "Say what was spent"),
  ]);
}

function banner(kind, words, button) {
  return h(
    `div.banner.${kind}`,
    null,
    h("span.mark", { "aria-hidden": "true" }, kind === "bad" ? "✕" : "△"),
    h("p", null, words),
    button,
  );
}

let shown = "";

function showBanners() {
  const list = [
    lostBanner(),
    serverBanner(),
    store.blocked
      ? banner("bad", [h("b", null, "Nothing starts or ends: "), store.blocked])
      : null,
    moneyBanner(),
    pauseBanner(),
    store.loaded && !store.ready && store.missing.length
      ? banner("warn", store.missing.join(" "))
      : null,
  ].filter(Boolean);
  const text = list.map((node) => node.textContent).join("|");
  if (text === shown) return;
  shown = text;
  byId("banners").setAttribute("aria-live", store.live === "lost" ? "off" : "polite");
  replace(byId("banners"), list);
}
