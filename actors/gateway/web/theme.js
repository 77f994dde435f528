/* SPDX-License-Identifier: Apache-2.0
 * Before the first paint, and no module for that: the theme that this browser was told to keep, and
 * what is done when a file of the pages is lost on its way. */
(function () {
  "use strict";
  try {
    var kept = localStorage.getItem("drover-theme");
    if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  } catch (error) {
    /* storage is closed to us: as the system is set */
  }

  /* A browser drops what it is loading when its network changes, and keeps in mind that a module
   * failed: only to load the whole page again helps. It is said, and done once the gateway answers;
   * each time in a row later than before. */
  var KEY = "drover-lost";
  var LONGEST_MS = 10000;
  var CALM_MS = 30000; /* whole for so long: what comes next is not of the same row */
  var waiting = false;

  function tries(count) {
    try {
      if (count !== undefined) sessionStorage.setItem(KEY, count);
      return Number(sessionStorage.getItem(KEY)) || 0;
    } catch (error) {
      return LONGEST_MS; /* no memory: not in haste */
    }
  }

  function part(name, text) {
    var node = document.createElement(name);
    node.textContent = text;
    return node;
  }

  function tell() {
    var main = document.getElementById("main");
    if (!main) return addEventListener("DOMContentLoaded", tell);
    main.textContent = "";
    main.className = "";
    var said = part("p", "A part of it was lost on its way. It is asked for again by itself. ");
    var again = said.appendChild(part("a", "Now"));
    again.href = location.href;
    again.onclick = function (event) {
      event.preventDefault();
      event.stopPropagation();
      location.reload();
    };
    main.append(part("h1", "This page did not load"), said);
    main.setAttribute("aria-live", "polite");
  }

  function ask() {
    fetch("/favicon.svg", { cache: "no-store" }).then(
      function (answer) {
        if (answer.ok) location.reload();
        else later();
      },
      later,
    );
  }

  function later() {
    var count = tries();
    tries(count + 1);
    setTimeout(ask, Math.min(LONGEST_MS, 500 * Math.pow(2, count)));
  }

  function lost() {
    if (waiting) return;
    waiting = true;
    later();
  }

  addEventListener(
    "error",
    function (event) {
      var node = event.target;
      if (!node || !node.tagName) return;
      var script = node.tagName === "SCRIPT";
      var file = script ? node.src : node.rel === "stylesheet" && node.href;
      /* What charts are drawn with is asked for again by them. */
      if (!file || file.indexOf("/vendor/") >= 0) return;
      if (script) tell(); /* without its styles a page says what it says */
      lost();
    },
    true,
  );
  addEventListener("drover:lost", function () {
    tell();
    lost();
  });
  setTimeout(function () {
    if (!waiting) tries(0);
  }, CALM_MS);
})();
