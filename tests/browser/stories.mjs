/* SPDX-License-Identifier: Apache-2.0
 * What a person does and sees, one story each, against the made-up gateway. */
import { fake, listen } from "./browser.mjs";
import * as done from "./stories_done.mjs";
import * as kept from "./stories_kept.mjs";
import * as seen from "./stories_seen.mjs";

const VIEW = { viewport: { width: 1280, height: 800 } };

async function once(browser, args, act) {
  const faults = [];
  const gateway = await fake(...args);
  const context = await browser.newContext(VIEW);
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  const heard = listen(page);
  const expect = (truth, what) => {
    if (!truth) faults.push(what);
  };
  try {
    await act({ page, gateway, expect, heard });
  } catch (error) {
    faults.push(String(error.message).split("\n")[0]);
  }
  await context.close();
  gateway.stop();
  return faults;
}

/* Chromium drops what it loads when a network of the host comes or goes (ERR_NETWORK_CHANGED), so a
 * story that fails is told once more, and that is said. */
async function story(browser, fault, name, args, act) {
  let faults = await once(browser, args, act);
  if (faults.length) {
    console.log(`story: ${name}: told once more: ${faults.join("; ")}`);
    faults = await once(browser, args, act);
  }
  faults.forEach((what) => fault(`${name}: ${what}`));
  console.log(`story: ${name}`);
}

export async function stories(browser, fault, only) {
  const tell = async (name, act, ...args) => {
    if (!only || only.includes(act.name)) await story(browser, fault, name, args, act);
  };
  await tell("a silent stream is amber and grey, then live again", seen.silence);
  await tell("a gateway that is gone leaves its last picture, grey", seen.gone);
  await tell("a server that is down says its sentence", seen.serverDown);
  await tell("keyboard", seen.keyboard);
  await tell("20,000 tasks", seen.manyRows, "--tasks", "20000", "--still");
  await tell("rows that stay", kept.scrolling, "--tasks", "2000", "--still");
  await tell("a file is lost on its way", kept.lost, "--still");
  await tell("a page is lost on its way", kept.lostLater, "--still");
  await tell("a drain by hand is one line", kept.byHand, "--still");
  await tell("samples that were missed", kept.missed, "--still");
  await tell("costs that are asked for again", kept.typing, "--still");
  await tell("kill names the tasks", done.kill, "--still");
  await tell("config: faults at lines, two people at once", done.conflict);
  await tell("wizard", done.setUp, "--setup");
  await tell("login", done.login, "--login");
  await tell("empty", seen.empty, "--empty");
  await tell("names are texts", seen.markup, "--still");
  await tell("a viewer changes nothing", done.viewer, "--role", "viewer", "--still");
  await tell("a phone", seen.phone, "--still");
  await tell("the reason that matters", seen.reason, "--still");
  await tell("a part that was away", seen.partAway, "--still");
  await tell("when tasks start", seen.whenTasksStart, "--still");
  await tell("guesses", seen.guesses, "--empty");
  await tell("money without work", seen.waste, "--still");
  await tell("rates of messages", seen.rates, "--still");
  await tell("activity is downloaded as filtered", seen.saved, "--still");
  await tell("numbers in words", seen.words, "--empty");
  await tell("no inline script runs", seen.foreign, "--still");
}
