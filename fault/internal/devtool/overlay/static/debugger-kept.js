// The failures that are kept: a list to go to them, to pin and to drop them.

import { bytes, count, make, quiet, say, visible } from "./debugger-dom.js";
import { failure, failures, onLock, unlocked } from "./debugger-server.js";

const kinds = { panic: "panic", crash: "crash", ended: "ended", goexit: "goroutine ended", noanswer: "no answer", page: "page" };

// alike groups the failures that are the same one again, newest first.
function alike(all) {
  const groups = new Map();
  for (const f of all) {
    const key = [f.kind, f.title, f.where].join("\n");
    groups.set(key, [...groups.get(key) ?? [], f]);
  }
  return groups;
}

function itemOf(f, own, framed, again, times = 1) {
  const at = new Date(f.time);
  const facts = [
    isNaN(at) ? "" : at.toLocaleTimeString([], { hour12: false }), kinds[f.kind], f.status > 0 && String(f.status), f.where, f.generation > 0 && "version " + f.generation,
    f.state === "ready" && "attached", f.memory > 0 && bytes(f.memory),
  ].filter(Boolean).map(t => visible(t)).join(" · ");
  const link = make("a", { href: "/failures/" + encodeURIComponent(f.id) + (framed ? "?framed=1" : "") },
    make("span", { class: "message", text: visible(f.title) || "No message" }), times > 1 && make("span", { class: "tag", text: times + " times" }), " ", make("span", { class: "soft", text: facts + " · " + visible(f.short) }));
  if (f.id === own) link.setAttribute("aria-current", "page");
  const problem = make("div", { class: "kept-problem", role: "alert" });
  const change = what => async () => {
    problem.replaceChildren();
    try {
      await failure(f.id).change(what);
      if (what === "drop" && f.id === own) location.assign(framed ? "/?framed=1" : "/");
      else again();
    } catch (refused) {
      problem.replaceChildren(say(refused));
    }
  };
  const pin = quiet(f.pinned ? "Pinned" : "Pin", change(f.pinned ? "unpin" : "pin"), { "aria-pressed": String(!!f.pinned), title: f.pinned ? "It stays. Press to let it make room for newer ones." : "It stays while newer ones come." });
  let sure = !f.pinned;
  const drop = quiet("Drop", () => {
    if (sure) return change("drop")();
    sure = true;
    drop.textContent = "Drop the pinned one?";
    setTimeout(() => {
      sure = false;
      drop.textContent = "Drop";
    }, 5000);
  }, { title: "End its copy and forget it" });
  return make("li", { class: f.pinned ? "pinned" : undefined }, link, make("div", { class: "kept-do" }, pin, drop), problem);
}

// list shows the failures in a box and follows them while watching says so.
function list(into, own, framed, heard) {
  let asking = null;
  const sum = make("p", { class: "soft" });
  const items = make("ul", { class: "failures kept" });
  const empty = make("p", { class: "empty", text: "Nothing has failed." });
  const opened = new Set(); // groups
  function groupOf([key, [newest, ...earlier]]) {
    const item = itemOf(newest, own, framed, refresh, 1 + earlier.length);
    if (earlier.length === 0) return item;
    const more = make("details", { class: "earlier", open: opened.has(key) || earlier.some(f => f.id === own) }, make("summary", { text: count(earlier.length, "earlier one", "earlier ones") }),
      make("ul", {}, ...earlier.map(f => itemOf(f, own, framed, refresh))));
    more.addEventListener("toggle", () => more.open ? opened.add(key) : opened.delete(key));
    item.append(more);
    return item;
  }

  async function once(after) {
    asking?.abort();
    const mine = asking = new AbortController();
    const got = await failures(after, mine.signal);
    const all = got.failures ?? [];
    const at = items.contains(document.activeElement) ? [...items.querySelectorAll("a, button")].indexOf(document.activeElement) : -1;
    items.replaceChildren(...[...alike(all)].map(groupOf));
    if (at >= 0) [...items.querySelectorAll("a, button")][at]?.focus();
    sum.textContent = `${count(all.length, "failure", "failures")} of at most ${got.keep}. The oldest makes room, unless it is pinned.` + (got.memory > 0 ? ` Their copies use ${bytes(got.memory)} of their own.` : "");
    into.replaceChildren(...all.length ? [sum, items] : [empty]);
    heard(all);
    return got.revision;
  }
  async function refresh(after) {
    try {
      return await once(after);
    } catch (problem) {
      if (problem.name !== "AbortError" && problem.code !== "token") into.replaceChildren(say(problem));
    }
  }
  return { refresh: () => refresh(), wait: refresh, stop: () => asking?.abort() };
}

// kept is the page of all failures, which shows new ones by itself while it is looked at.
export function kept(into, framed) {
  const all = list(into, "", framed, () => {});
  let running = false;
  async function follow() {
    if (running) return;
    running = true;
    for (let after; unlocked() && !document.hidden;) {
      const began = Date.now();
      const next = await all.wait(after);
      if (next === undefined || next === after && Date.now() - began < 1000) await new Promise(done => setTimeout(done, 2000));
      after = next;
    }
    running = false;
  }
  onLock(is => is ? follow() : into.replaceChildren());
  document.addEventListener("visibilitychange", () => document.hidden ? all.stop() : follow());
  follow();
}

// keptPanel puts a button for them into the page's head.
export function keptPanel(head, own, framed) {
  const box = make("div", { class: "kept-box" });
  const dialog = make("dialog", { class: "sheet", "aria-labelledby": "kept-title" },
    make("div", { class: "sheet-head" }, make("h2", { id: "kept-title", text: "Failures", tabIndex: -1 }), quiet("Close", () => dialog.close())), box);
  const all = list(box, own, framed, failures => { button.textContent = failures.length > 1 ? `Failures (${failures.length})` : "Failures"; });
  const button = quiet("Failures", () => {
    all.refresh();
    dialog.showModal();
    dialog.querySelector("h2").focus();
  }, { id: "kept-button", "aria-haspopup": "dialog", "aria-keyshortcuts": "f" });
  dialog.addEventListener("click", e => { if (e.target === dialog) dialog.close(); });
  document.body.append(dialog);
  head.append(button);
  const shown = is => {
    button.hidden = !is;
    if (is) all.refresh();
    else dialog.close();
  };
  onLock(shown);
  shown(unlocked());
  document.addEventListener("visibilitychange", () => { if (!document.hidden && unlocked()) all.refresh(); });
}
