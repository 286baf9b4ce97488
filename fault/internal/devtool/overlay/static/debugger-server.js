// Speaks with the debugger's server: docs/debugger-api.md is its manual.

import { memory } from "./debugger-dom.js";

// Refused is an answer that is none: the sentence, what to do, and the word for programs.
export class Refused extends Error {
  constructor(message, { code = "", fix = "", left, wait, status = 0 } = {}) {
    super(message);
    Object.assign(this, { code, fix, left, wait, status });
  }
}

const key = "debugger token";
const listeners = new Set();
let token = memory.get(key);

export const unlocked = () => !!token;

// onLock calls back when the token has come or gone, here or in another tab.
export const onLock = listener => listeners.add(listener);

function become(next) {
  if (next === token) return;
  token = next;
  for (const listener of listeners) listener(!!token);
}

addEventListener("storage", e => {
  if (e.key === "fault run " + key) become(e.newValue);
});

async function ask(method, path, body, { signal, text } = {}) {
  const mine = token;
  const headers = { Accept: text ? "text/plain, text/markdown, application/json" : "application/json" };
  if (mine) headers.Authorization = "Bearer " + mine;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store", credentials: "same-origin", redirect: "error" });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Refused("The debugger does not answer.", { code: "gone", fix: "fault run may have been stopped, or was started anew." });
  }
  if (answer.ok && text) return answer.text();
  let said = null;
  try {
    said = await answer.json();
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
  }
  if (answer.ok && said) return said;
  if (answer.status === 401 && mine) {
    if (mine === token) {
      memory.set(key, null);
      become(null);
    }
  }
  throw new Refused(said?.error || `The debugger answered ${answer.status} without saying why.`, {
    code: said?.code || "", fix: said?.fix || "", left: said?.left, wait: Number(answer.headers.get("Retry-After")) || 0, status: answer.status,
  });
}

export async function unlock(pin) {
  const { token: fresh } = await ask("POST", "/session", { pin });
  memory.set(key, fresh);
  become(fresh);
}

// failure returns the calls about one failure.
export function failure(id) {
  const base = "/failures/" + encodeURIComponent(id);
  return {
    get: (after, signal) => ask("GET", base + (after === undefined ? "" : "?after=" + after), undefined, { signal }),
    variables: frame => ask("GET", `${base}/frames/${frame}/variables`),
    inside: (ref, start, count) => ask("GET", `${base}/variables/${encodeURIComponent(ref)}?start=${start}&count=${count}`),
    // Without call it is a try: that an expression has no value is no failed request, of which the browser's console would tell.
    evaluate: async (frame, expression, call, signal) => {
      const said = await ask("POST", base + "/evaluate", { frame, expression, ...call ? { call } : { try: true } }, { signal });
      if (said.result === undefined) throw new Refused(said.error || "The debugger gave no result.", said);
      return said;
    },
    complete: (frame, text, offset, signal) => ask("POST", base + "/complete", { frame, text, offset }, { signal }),
    environment: () => ask("GET", base + "/environment"),
    goroutines: () => ask("GET", base + "/goroutines"),
    text: kind => ask("GET", `${base}/${kind}`, undefined, { text: true }),
    replay: () => ask("POST", base + "/replay", {}),
    change: what => ask("POST", `${base}/${what}`, {}), // pin, unpin, drop, attach
  };
}

export const failures = (after, signal) => ask("GET", "/failures" + (after === undefined ? "" : "?after=" + after), undefined, { signal });
