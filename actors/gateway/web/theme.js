/* SPDX-License-Identifier: Apache-2.0
 * Before the first paint, and no module for that: the theme that this browser was told to keep. */
(function () {
  "use strict";
  try {
    var kept = localStorage.getItem("drover-theme");
    if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  } catch (error) {
    /* storage is closed to us: as the system is set */
  }
})();
