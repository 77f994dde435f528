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
