/* SPDX-License-Identifier: Apache-2.0
 * What stays as it was while something beside it changes. */

/* The rows that are drawn, as a person finds them: [place, key, link] each, in their order. */
const drawnRows = () =>
  [...document.querySelectorAll("tr[data-key]")].map((tr) => [
    Number(tr.getAttribute("aria-rowindex")),
    tr.dataset.key,
    tr.querySelector("a").getAttribute("href"),
    tr.getBoundingClientRect().top,
  ]);

/* Whoever scrolls gets the rows that come; those that stay are left where they are. */
export async function scrolling({ page, gateway, expect }) {
  await page.goto(`${gateway.url}/tasks?sort=name`);
  await page.waitForFunction(
    () => Number(document.querySelector("table")?.getAttribute("aria-rowcount")) > 1900,
  );
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => {
    window.put = 0;
    new MutationObserver((changes) => {
      for (const change of changes) window.put += change.addedNodes.length;
    }).observe(document.querySelector("tbody"), { childList: true });
  });
  const to = async (top) => {
    await page.locator(".scroll.fill").evaluate((node, y) => {
      node.scrollTop = y;
    }, top);
    /* Drawn is all that is in sight. */
    await page.waitForFunction((y) => {
      const box = document.querySelector(".scroll.fill").getBoundingClientRect();
      const rows = [...document.querySelectorAll("tr[data-key]")].map((tr) =>
        tr.getBoundingClientRect(),
      );
      return (
        Math.abs(document.querySelector(".scroll.fill").scrollTop - y) < 2 &&
        rows[0].top <= box.top + 34 &&
        rows[rows.length - 1].bottom >= box.bottom - 2
      );
    }, top);
    const rows = await page.evaluate(drawnRows);
    expect(
      rows.every(([place], i) => place === rows[0][0] + i),
      `rows out of order at ${top}`,
    );
    expect(
      rows.every(([, key, link]) => link === `/tasks/${key}`),
      `a row of another task at ${top}`,
    );
    return rows;
  };
  const first = await to(0);
  for (let y = 320; y <= 3200; y += 320) await to(y);
  const put = await page.evaluate(() => window.put);
  expect(put >= 80 && put <= 140, `100 rows came into sight, ${put} were put there`);
  await to(40000);
  await to(1000);
  const again = await to(0);
  expect(
    JSON.stringify(again.slice(0, 20)) === JSON.stringify(first.slice(0, 20)),
    "the first rows are others after the way there and back",
  );
}

/* A file that is lost on its way, as when the browser's network changes, comes by itself. */
export async function lost({ page, gateway, expect }) {
  for (const [file, path, there] of [
    ["/dom.js", "/", ".strip .cell"],
    ["/app.js", "/", ".strip .cell"],
    ["/style.css", "/", ".strip .cell"],
    ["/pages/costs.js", "/costs", ".sums"],
  ]) {
    let away = true;
    await page.route(`${gateway.url}${file}`, (route) =>
      away ? route.abort("failed") : route.continue(),
    );
    /* While the gateway does not answer, the sentence stays. */
    await page.route(`${gateway.url}/favicon.svg`, (route) =>
      away ? route.abort("failed") : route.continue(),
    );
    await page.goto(`${gateway.url}${path}`);
    if (!file.endsWith(".css")) {
      await page.waitForFunction(() => {
        const words = document.querySelector("main").innerText;
        return /did not load/.test(words) && /asked for again/.test(words);
      });
    }
    away = false;
    await page.waitForFunction(
      (selector) => document.styleSheets.length >= 4 && document.querySelector(selector),
      there,
    );
    expect(
      !/did not load/.test(await page.locator("main").innerText()),
      `${file}: the sentence stays`,
    );
    await page.unroute(`${gateway.url}${file}`);
    await page.unroute(`${gateway.url}/favicon.svg`);
  }
}

/* Only what is lost is asked for again: a page that is gone to later leaves the others' state. */
export async function lostLater({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector("#live.live");
  let away = true;
  await page.route(`${gateway.url}/pages/queues.js`, (route) =>
    away ? route.abort("failed") : route.continue(),
  );
  await page.click("#nav a[href='/queues']");
  await page.waitForFunction(() => /did not load/.test(document.querySelector("main").innerText));
  away = false;
  await page.waitForSelector(".page-queues table");
  expect(page.url().endsWith("/queues"), `it is at ${page.url()}`);
}

/* Who drains a machine by hand is told in the line of the machine, not in a second one. */
export async function byHand({ page, gateway, expect }) {
  await page.goto(gateway.url);
  await page.waitForSelector("#live.live");
  await gateway.turn("drained");
  const line = page.locator(".feed li", { hasText: "draining, a person drains it" });
  await line.filter({ hasText: "– ada" }).waitFor();
  await page.locator(".feed li", { hasText: "what came after" }).waitFor();
  expect((await line.count()) === 1, `${await line.count()} lines in the overview`);
  await page.click("#nav a[href='/activity']");
  const row = page.locator("tr[data-key]", { hasText: "draining, a person drains it" });
  await row.first().waitFor();
  expect((await row.count()) === 1, `${await row.count()} lines on the page of activity`);
  expect(/ada/.test(await row.first().innerText()), "nobody is named");
  const [, name] = /(i-[0-9a-f]+)/.exec(await row.first().innerText()) || [];
  expect(name, "the machine is not named");
  await gateway.turn("drained");
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll("tr[data-key]")].filter((tr) =>
        tr.innerText.includes("draining, a person drains it"),
      ).length === 2,
  );
}

/* What the stream did not tell while it was lost, the chart has all the same. */
export async function missed({ page, gateway }) {
  await page.goto(gateway.url);
  await page.waitForSelector(".chart canvas");
  const again = page.waitForRequest(/\/api\/v1\/samples/);
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await again;
}

/* Costs that are asked for again, as after a lost stream, leave what a person types. */
export async function typing({ page, gateway, expect }) {
  await page.goto(`${gateway.url}/costs`);
  await page.waitForSelector("tr[data-key]");
  await page.locator(".filter").fill("gpu");
  const again = page.waitForResponse(/\/api\/v1\/costs/);
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await again;
  await page.keyboard.type("x");
  const [value, focused] = await page
    .locator(".filter")
    .evaluate((node) => [node.value, node === document.activeElement]);
  expect(value === "gpux" && focused, `the filter is "${value}", focused: ${focused}`);
}
