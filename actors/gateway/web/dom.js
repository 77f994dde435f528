/* SPDX-License-Identifier: Apache-2.0
 * Elements from texts: nothing here parses HTML, so no name of a task can become markup. */

/* h("a.big", {href: "/", onclick: f, hidden: true}, "text", node, [nodes], null) */
export function h(what, props, ...kids) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  if (props) for (const [name, value] of Object.entries(props)) put(node, name, value);
  fill(node, kids);
  return node;
}

export function put(node, name, value) {
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (value === true) node.setAttribute(name, "");
  else if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else if (name === "value" && "value" in node) node.value = value;
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function fill(node, kids) {
  for (const kid of kids) {
    if (kid === null || kid === undefined || kid === false) continue;
    if (Array.isArray(kid)) fill(node, kid);
    else node.append(kid instanceof Node ? kid : String(kid));
  }
}

export function replace(node, ...kids) {
  node.textContent = "";
  fill(node, kids);
  return node;
}

/* Writes only what changed: no layout, no selection lost. */
export function say(node, text) {
  const words = text === null || text === undefined ? "" : String(text);
  if (node.textContent !== words) node.textContent = words;
  return node;
}

export function toggle(node, name, on) {
  if (node.classList.contains(name) !== Boolean(on)) node.classList.toggle(name, Boolean(on));
}

/* Sizes that only data knows; the CSSOM is not bound by the page's policy on inline styles. */
export function size(node, property, value) {
  if (node.style.getPropertyValue(property) !== value) node.style.setProperty(property, value);
  return node;
}

export function copyButton(text, what) {
  const button = h("button.copy", {
    type: "button",
    "aria-label": `Copy ${what || text}`,
    title: `Copy ${text}`,
  });
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    event.preventDefault();
    button.dataset.said = (await copy(text)) ? "✓" : "✕";
    setTimeout(() => {
      delete button.dataset.said;
    }, 1200);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; /* no permission, or not a secure origin */
  }
}

export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
