/* SPDX-License-Identifier: Apache-2.0
 * Asking the gateway. A refusal is thrown with the server's own sentence. */

export class Refusal extends Error {
  constructor(status, data) {
    const error = (data && data.error) || {};
    super(error.sentence || fallback(status));
    this.status = status;
    this.code = error.code || "";
    this.data = data || {};
  }
}

function fallback(status) {
  return status
    ? `The gateway answered ${status} and said no more.`
    : "The gateway cannot be reached. Machines and tasks go on without it.";
}

const session = { me: null };

export function me() {
  return session.me || { user: "", role: "viewer" };
}

export function mayWrite() {
  return me().role === "operator";
}

export async function loadMe() {
  session.me = await get("me");
  return session.me;
}

async function ask(method, path, body, signal) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && session.me) headers["X-Drover-Csrf"] = session.me.csrf || "";
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, {
      method,
      headers,
      signal,
      credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, null);
  }
  const data = await answer.json().catch(() => null);
  if (answer.ok) return data || {};
  if (answer.status === 401 && path !== "login") {
    window.dispatchEvent(new CustomEvent("drover:login"));
  }
  throw new Refusal(answer.status, data);
}

export const get = (path, signal) => ask("GET", path, undefined, signal);
export const post = (path, body, signal) => ask("POST", path, body || {}, signal);
export const putTo = (path, body) => ask("PUT", path, body);
export const remove = (path) => ask("DELETE", path, {});

/* "a/b?x=1" of values that are there. */
export function query(path, values) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== "" && value !== undefined && value !== null && value !== 0) {
      params.set(name, value);
    }
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

export const seg = encodeURIComponent;
