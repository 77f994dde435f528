/* SPDX-License-Identifier: Apache-2.0
 * The first chapter: `drover up` on a host without a configuration. The link, the wizard, its tests
 * of what was typed, the launch, and the dashboard that comes up in its place. */
import { agree, click, closed, press, text } from "./story_page.mjs";

const heading = (page, word) =>
  page.waitForFunction((w) => document.querySelector("main h2")?.innerText === w, word);
const section = (page, noun, n) => page.locator(`section[aria-label="${noun} ${n}"]`);
const more = (part) => part.locator("summary").first().click();

async function next(page, word) {
  await press(page, "Next");
  await heading(page, word);
}

async function findings(page, button, wanted) {
  await page.getByRole("button", { name: button }).click();
  const faults = page.locator("main .faults").filter({ hasText: wanted }).first();
  await faults.waitFor({ timeout: 90000 });
  return faults.innerText();
}

/* The link is good once. */
export async function stranger({ browser, view }, link) {
  const other = await browser.newContext(view);
  const page = await other.newPage();
  await page.goto(link);
  await page.waitForURL(/login/);
  await page.getByLabel("Password").waitFor();
  await other.close();
}

async function server({ page, expect, shot }, host) {
  await page.getByLabel(/^Name of this Drover/).fill("lab");
  await page.getByLabel(/^API server( ·|$)/).fill(host.api);
  await page.getByLabel("Files server", { exact: true }).fill(host.files);
  await more(page.locator("main"));
  await page.getByLabel("Look at the queues every").fill("500ms");
  await page.getByLabel("access key").fill(host.access);
  await page.getByLabel("secret key").fill("not the secret");
  const refused = await findings(page, /^Test the ClearML/, /key pair/);
  expect(!/takes the pair/.test(refused), `a wrong key is taken: ${refused}`);
  await page.getByLabel("secret key").fill(host.secret);
  await findings(page, /^Test the ClearML/, /takes the pair/);
  await shot("wizard-server");
}

async function cloud({ page, expect, shot }, host) {
  await next(page, "Cloud");
  await page.getByLabel(/^Cloud/).selectOption("local");
  const account = section(page, "account", 1);
  await account.getByLabel(/^Name/).fill("here");
  await more(account);
  await account.getByLabel("List the instances every").fill("1s");
  await account.getByLabel("Python of the agent").fill("/no/such/python");
  const refused = await findings(page, /^Test this account/, /agent_python/);
  expect(/cannot be run/.test(refused), `a Python that is not there: ${refused}`);
  await account.getByLabel("Python of the agent").fill(host.python);
  /* From the list of clouds straight to the button: leaving a field costs nobody a click. */
  await account.getByLabel(/^Cloud/).focus();
  await findings(page, /^Test this account/, /is there/);
  /* A screen that is drawn anew while the account is asked shows what comes of it. */
  const buttons = ["Test this account", "Add another account"];
  await page.evaluate((words) => {
    const all = [...document.querySelectorAll("main button")];
    words.forEach((word) => all.find((node) => node.textContent === word).click());
  }, buttons);
  await account.locator(".faults", { hasText: "is there" }).waitFor();
  await page.getByRole("button", { name: "Remove aws2" }).click();
  await page.getByRole("button", { name: "Remove aws2" }).waitFor({ state: "detached" });
  await shot("wizard-cloud");
  await next(page, "Code access");
  await page.getByLabel("git host").fill("git.example.org");
  await page.getByLabel("git user").fill("bot");
  await page.getByLabel("git token").fill(host.token);
}

async function types({ page, shot }, host) {
  await next(page, "Machine types");
  for (const [i, type] of host.types.entries()) {
    if (i) await press(page, "Add another machine type");
    const part = section(page, "machine type", i + 1);
    await part.getByLabel(/^Account/).selectOption("here");
    await more(part);
    await part.getByLabel(/^Name/).fill(type.name);
    await part.getByLabel("Machines at most").fill(String(type.max_machines));
    await part.getByLabel("Dollars per hour").first().fill(String(type.price));
    await part.getByLabel("Goes when idle for").fill("6s");
    await part.getByLabel("Script before the agent").fill(type.init_script);
    await part.getByLabel("Environment of the agent").fill(host.environment);
  }
  await shot("wizard-types");
}

async function queues({ page, shot }) {
  await next(page, "Queues");
  await page.getByLabel("gpu", { exact: true }).check();
  const gpu = section(page, "queue", 1);
  await gpu.getByLabel("gpu-a10").click();
  await gpu.getByLabel("1. cpu-8").click();
  await gpu.getByLabel("1. gpu-a10").waitFor();
  await page.getByLabel("A new queue").fill("cpu");
  await press(page, "Create it at launch");
  await section(page, "queue", 2).getByLabel("1. cpu-8").waitFor();
  await shot("wizard-queues");
}

async function limits({ page, expect, shot }, host) {
  await next(page, "Limits");
  const money = page.locator("fieldset").first();
  await money.getByLabel("Dollars per hour").fill("12");
  await money.getByLabel("Dollars per day").fill("200");
  await money.getByLabel("Dollars per month").fill("4000");
  await page.locator(".steps button", { hasText: "Launch" }).click();
  await heading(page, "Summary");
  await page.waitForFunction(() =>
    /per_month: 4000/.test(document.querySelector(".aside pre").innerText),
  );
  const yaml = await text(page, ".aside pre");
  expect(!yaml.includes(host.secret) && !yaml.includes(host.token), "a secret is in the file");
  expect(/New at the server: cpu\./.test(await text(page, "main")), "no word of the new queue");
  await findings(page, "Dry run", /boot data of type gpu-a10/);
  await shot("wizard-summary");
}

/* The wizard's gateway ends, the real one takes its place; the page goes there by itself. */
async function launch({ page, side, expect, heard }, host) {
  await press(page, "Launch…");
  await press(page, "Launch Drover");
  await page.waitForURL((url) => url.pathname === "/", { timeout: 90000 });
  await page.waitForSelector("#live.live");
  const yaml = await side.ask("written");
  expect(yaml.includes("per_month: 4000"), `drover.yaml: ${yaml}`);
  expect(
    !yaml.includes(host.secret) && !yaml.includes(host.token),
    `a secret is in drover.yaml: ${yaml}`,
  );
  /* While one gateway goes and the next comes the browser says aloud that nobody answers. */
  heard
    .splice(0)
    .filter((said) => !/ERR_CONNECTION|ERR_EMPTY|ERR_INCOMPLETE|503/.test(said))
    .forEach((said) => expect(false, `console of the wizard: ${said}`));
}

export async function begins(scene) {
  const { page, side } = scene;
  const host = await side.ask("answers");
  await page.goto(side.link);
  await page.waitForURL(/wizard/);
  await heading(page, "ClearML server");
  await stranger(scene, side.link);
  await server(scene, host);
  await cloud(scene, host);
  await types(scene, host);
  await queues(scene);
  await limits(scene, host);
  await launch(scene, host);
}

export async function emptyState({ page, side, expect, shot }) {
  await page.waitForSelector(".empty code");
  expect(
    /clearml-task .*--queue (cpu|gpu)/.test(await text(page, ".empty code")),
    "no command is taught",
  );
  await agree(page, side, "nothing yet", (t) => t.counts.running === 0);
  await shot("first-overview");
}

/* What the wizard does not ask: a person writes it into the file, on the page. */
export async function timings({ page, side }) {
  await click(page, "Config");
  const paper = page.locator(".paper textarea");
  await page.waitForFunction(() =>
    document.querySelector(".paper textarea")?.value.includes("max_machines: 4"),
  );
  const lines = ["workers_period: 1s", "queue_reread: 2s", "drain_poll: 1s", "drain_grace: 20s"];
  const before = await paper.inputValue();
  await paper.fill(`${before}\ntiming:\n${lines.map((line) => `  ${line}\n`).join("")}`);
  await press(page, "Apply…");
  await press(page, "Apply drover.yaml");
  await closed(page);
}
