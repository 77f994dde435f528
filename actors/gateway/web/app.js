/* SPDX-License-Identifier: Apache-2.0
 * Which page an address is. Each page is a module: default(ctx) returns {title, node, leave()}. */
import { h, replace } from "./dom.js";
import { loadMe, me } from "./api.js";
import * as live from "./live.js";
import * as frame from "./frame.js";
import * as keys from "./keys.js";

const PAGES = [
  [/^\/$/, "overview"],
  [/^\/queues$/, "queues"],
  [/^\/queues\/(.+)$/, "queue"],
  [/^\/machines$/, "machines"],
  [/^\/machines\/([^/]+)$/, "machine"],
  [/^\/tasks$/, "tasks"],
  [/^\/tasks\/([^/]+)$/, "task"],
  [/^\/activity$/, "activity"],
  [/^\/costs$/, "costs"],
  [/^\/actors$/, "actors"],
  [/^\/config$/, "config"],
  [/^\/wizard$/, "wizard"],
  [/^\/login$/, "login"],
];

const main = document.getElementById("main");
let here = null; /* the page that is shown */
let turn = 0;

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; /* a stray % of someone who typed it */
  }
}

function match(path) {
  for (const [pattern, name] of PAGES) {
    const found = pattern.exec(path);
    if (found) return { name, id: decoded(found[1] || "") };
  }
  return null;
}

function context(id) {
  const cleanups = [];
  const ctx = {
    id,
    query: new URLSearchParams(location.search),
    /* A change of the view, not of the place: no entry in the history. */
    setQuery(name, value) {
      if (value) ctx.query.set(name, value);
      else ctx.query.delete(name);
      const text = ctx.query.toString();
      history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : ""));
    },
    go,
    onLeave: (act) => cleanups.push(act),
    cleanups,
  };
  return ctx;
}

export function go(path) {
  history.pushState(null, "", path);
  show();
}

async function show() {
  const mine = ++turn;
  const found = match(location.pathname);
  if (me().setup && (!found || found.name !== "wizard")) {
    history.replaceState(null, "", "/wizard");
    return show();
  }
  frame.showPlace(location.pathname);
  const module = found ? await import(`./pages/${found.name}.js`).catch(() => null) : null;
  if (mine !== turn) return;
  if (here) here.cleanups.forEach((act) => act());
  keys.setList(null);
  here = context(found ? found.id : "");
  if (!module) return showNothing(found);
  const page = module.default(here);
  document.title = `${page.title} · drover`;
  main.className = `page-${found.name}`;
  document.body.classList.toggle("fits", Boolean(page.fits));
  document.body.classList.toggle("out", found.name === "login" || Boolean(me().setup));
  replace(main, page.node);
  if (page.shown) page.shown();
  if (turn > 1) main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/* One that is ours and did not load is asked for again (theme.js). */
function showNothing(found) {
  document.title = "drover";
  main.className = "";
  document.body.classList.remove("fits");
  if (found) {
    window.dispatchEvent(new CustomEvent("drover:lost"));
    return;
  }
  replace(
    main,
    h("h1", null, "There is no such page"),
    h(
      "p",
      null,
      `${location.pathname} is not one of ours. `,
      h("a", { href: "/" }, "To the overview"),
    ),
  );
}

function inside(event) {
  if (
    event.defaultPrevented ||
    event.button ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey
  ) {
    return;
  }
  const link = event.target.closest("a[href]");
  if (!link || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || url.pathname.startsWith("/api/")) return;
  if (url.pathname === location.pathname && url.hash) return;
  event.preventDefault();
  go(url.pathname + url.search);
}

function toLogin() {
  live.stop();
  if (location.pathname === "/login") return;
  const back = location.pathname + location.search;
  go(back === "/" ? "/login" : `/login?next=${encodeURIComponent(back)}`);
}

async function begin() {
  document.addEventListener("click", inside);
  window.addEventListener("popstate", show);
  window.addEventListener("drover:login", toLogin);
  window.addEventListener("drover:in", () => {
    frame.showUser();
    live.start();
  });
  frame.start(toLogin);
  keys.start();
  try {
    const user = await loadMe();
    frame.showUser();
    if (!user.setup) live.start();
  } catch (error) {
    if (error.status === 401) return;
    live.start(); /* it says that nobody answers, and asks again */
  }
  show();
}

begin();
