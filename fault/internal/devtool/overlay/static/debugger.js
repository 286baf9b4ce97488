// The debugger's page: unlocks it, follows the failure, and gives each frame its room.

import { byID, make, memory, quiet, say, visible } from "./debugger-dom.js";
import { failure, onLock, unlock, unlocked } from "./debugger-server.js";
import { callOf, labelOf, markLine, repeatsOf, topOf } from "./debugger-call.js";
import { kept, keptPanel } from "./debugger-kept.js";
import { room } from "./debugger-room.js";
import { environment, goroutines, help, tools } from "./debugger-tools.js";

const main = byID("main");
const id = main.dataset.failure ?? "";
const server = failure(id);
const framed = !!document.body.dataset.framed && window.parent !== window;
const state = byID("state");
const usual = state.textContent;
const notice = byID("notice");

// tell says how it stands. What counts up is not for a screen reader to read each time.
function tell(text, busy = false, counts = false) {
  state.ariaLive = counts ? "off" : "polite";
  state.textContent = text || usual;
  state.classList.toggle("busy", busy);
}

// ---- in a frame over a page of the application

if (framed) {
  byID("top-tools").append(quiet("Plain page", () => window.parent.postMessage("fault: aside", "*"), { title: "Show the page that lies beneath" }),
    make("a", { class: "quiet", href: location.pathname, target: "_blank", text: "In a tab" }));
  const close = quiet("Close", () => window.parent.postMessage("fault: close", "*"), { hidden: true, title: "Back to the page of the application" });
  byID("top-tools").append(close);
  addEventListener("message", e => { if (e.source === window.parent && e.data === "fault: may close") close.hidden = false; });
  document.addEventListener("input", e => { if (e.target.matches(".console textarea")) window.parent.postMessage("fault: used", "*"); });
  window.parent.postMessage("fault: here", "*"); // It says nothing but that; who may frame this page is the server's matter.
}

// ---- the PIN

function askForPIN() {
  const input = make("input", { type: "text", inputMode: "numeric", autocomplete: "off", id: "pin", placeholder: "123-456-789", maxLength: 15, required: true, spellcheck: false });
  const problem = make("div", { role: "alert" });
  const button = make("button", { type: "submit", class: "button", text: "Unlock" });
  const form = make("form", { class: "pin" },
    make("h2", { text: "The debugger is locked" }),
    make("p", { text: "It runs code, so it asks once per run for the PIN that fault run has printed in the terminal." }),
    make("p", { class: "pin-row" }, make("label", { htmlFor: "pin", text: "PIN" }), input, button), problem,
    make("p", { class: "soft", text: "Not there any more? Press d in the terminal of fault run." }));
  input.addEventListener("input", e => {
    if (e.inputType?.startsWith("delete")) return;
    const at = input.selectionStart === input.value.length;
    if (at) input.value = input.value.replace(/\D/g, "").slice(0, 9).replace(/(\d{3})(?=\d)/g, "$1-");
  });
  form.addEventListener("submit", async e => {
    e.preventDefault();
    button.disabled = true;
    problem.replaceChildren();
    try {
      await unlock(input.value);
    } catch (refused) {
      const more = refused.code === "locked" && refused.wait ? ` In ${Math.ceil(refused.wait / 60)} min there are new tries.` : refused.left !== undefined ? ` ${refused.left} tries are left.` : "";
      problem.replaceChildren(say({ message: refused.message + more, fix: refused.fix }));
      button.disabled = false;
      input.select();
    }
  });
  notice.replaceChildren(form);
  tell("Locked");
  toPIN();
}
function toPIN() {
  const input = byID("pin");
  if (!input || document.activeElement !== document.body || matchMedia("(pointer: coarse)").matches) return;
  if (notice.getBoundingClientRect().bottom < innerHeight) input.focus({ preventScroll: true });
}
if (framed) addEventListener("focus", toPIN); // Before the frame comes up it has no room, and nothing in it takes the focus.

// ---- the frames

const rooms = new Map(); // by the frame's number
let last = null; // what the server said of the failure
const nothing = { state: "locked" };

function cards() { // each frame's place, in the order of the page
  const all = [];
  for (const e of document.querySelectorAll("#where, .calls details.group, .calls details.call")) {
    if (!e.parentElement.closest("details:not([open])")) all.push(e);
  }
  return all;
}

function giveRoom(card) {
  if (card.dataset.call === undefined) return null;
  const frame = Number(card.dataset.call);
  let own = rooms.get(frame);
  if (!own) {
    const name = card.querySelector(".in, summary code")?.textContent || "frame " + frame;
    own = room(frame, name, server, follow);
    rooms.set(frame, own);
    card.querySelector(".code").append(own.element);
  }
  own.show(last ?? nothing, frameOf(frame), last?.calls ?? 0);
  wanted(frame);
  return own;
}
const frameOf = frame => last?.frames?.find(f => f.frame === frame);

// wanted asks for the variables of a frame that nobody has asked for.
const asked = new Set();
async function wanted(frame) {
  const own = frameOf(frame);
  if (last?.state !== "ready" || own?.variables?.state !== "none" || own.variables.error || asked.has(frame)) return;
  asked.add(frame);
  const mine = last;
  try {
    own.variables = await server.variables(frame);
  } catch (problem) {
    own.variables = { state: "failed", error: problem.message, fix: problem.fix };
  } finally {
    asked.delete(frame);
  }
  if (mine === last) rooms.get(frame)?.show(last, own, last.calls ?? 0);
  else wanted(frame);
}

document.addEventListener("toggle", e => {
  if (e.target.matches?.("details.call") && e.target.open) giveRoom(e.target);
}, true);

// placeFrames puts the frames that only the debugger knows where they belong: those of libraries are folded, as the others are.
function placeFrames(frames) {
  if (!frames?.length) return;
  let topRow = null;
  if (!byID("where")) { // What the process wrote does not tell of any call.
    const top = frames.find(f => f.app) ?? frames[0];
    const [card, row] = topOf(top);
    topRow = row;
    (byID("explained") ?? notice).after(card);
    giveRoom(card);
  }
  for (const f of frames) {
    for (const card of document.querySelectorAll(`#where[data-call="${f.frame}"], .calls details[data-call="${f.frame}"]`)) markLine(card, f.source);
  }
  const here = f => document.querySelector(`.calls [data-call="${f.frame}"]`);
  const isTop = f => document.querySelector(`#where[data-call="${f.frame}"]`);
  if (!topRow && frames.every(f => here(f) || isTop(f))) return;
  let list = document.querySelector(".calls");
  if (!list) {
    list = make("div", { class: "calls" });
    byID("goroutines").before(make("section", {}, make("h2", { text: "Calls " }, make("small", { text: "innermost first." })), list));
  }
  const focus = document.activeElement;
  const open = new Set([...list.querySelectorAll(".group[open] > [data-call]")]);
  const all = [...list.querySelectorAll("[data-call]")];
  let next = 0;
  for (const f of frames) {
    const card = here(f);
    if (card) next = all.indexOf(card) + 1;
    else if (!isTop(f)) all.splice(next++, 0, callOf(f));
    else if (topRow) all.splice(next++, 0, topRow);
  }
  const rows = [];
  const nameOf = card => card.querySelector("code").textContent;
  const again = repeatsOf(all.map(card => card.classList.contains("own") && !card.querySelector(".creator") ? nameOf(card) : ""));
  for (const [i, card] of all.entries()) {
    if (i >= again[0]?.to) again.shift();
    if (i >= again[0]?.from) {
      if (i === again[0].from) rows.push(make("details", { class: "group same" }, make("summary", { text: again[0].label })));
      rows.at(-1).append(card);
      if (open.has(card)) rows.at(-1).open = true;
      continue;
    }
    if (card.classList.contains("own")) {
      rows.push(card);
      continue;
    }
    if (!rows.at(-1)?.matches(".group:not(.same)")) rows.push(make("details", { class: "group" }, make("summary")));
    const group = rows.at(-1);
    group.append(card);
    if (open.has(card)) group.open = true;
    const functions = [...group.querySelectorAll(":scope > [data-call]")].map(nameOf);
    group.firstChild.textContent = labelOf(functions);
  }
  list.replaceChildren(...rows);
  if (focus?.isConnected && focus !== document.activeElement) focus.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("fault-places"));
}

// ---- what the copy is a copy of

const moments = { panic: "as it panicked", wrapped: "where the error was first wrapped", handled: "after the handler had returned", exit: "as the goroutine ended", crash: "as the process ended" };
const stacks = { panic: "These calls are where it panicked", wrapped: "These calls are where the error was first wrapped", handled: "These calls are where the error arrived", exit: "These calls are where the goroutine was ended", crash: "These calls are where the process ended" };

// sayCopy says above the calls what they are and when the copy was made, where that is not the same.
function sayCopy(s) {
  let box = byID("copy-of");
  const list = document.querySelector(".calls");
  const lost = s.copy_of === "handled" && s.frames?.some(f => f.app && f.variables?.error);
  const texts = [];
  if (s.state === "ready" && s.copy_of && s.stack_of && s.copy_of !== s.stack_of && stacks[s.stack_of] && moments[s.copy_of]) {
    texts.push(`${stacks[s.stack_of]}. The copy was made later, ${moments[s.copy_of]}: calls that were over by then have no variables, and those of the others are of that moment.`);
  } else if (s.state === "ready" && lost) {
    texts.push("The copy was made after the handler had returned, so calls that were over by then have no variables.");
  }
  if (texts.length > 0 && s.copy_of === "handled") texts.push(" An error that is given to ", make("code", { text: "trace.Wrap" }), " where it comes up has them.");
  if (texts.length === 0 || !list) return box?.remove();
  if (!box) {
    box = make("p", { class: "soft", id: "copy-of" });
    list.before(box);
  }
  box.replaceChildren(...texts);
}

// ---- what happened

// withCode makes code of what stands between backquotes.
const withCode = (text, keep) => visible(text, keep).split("`").map((part, i, all) => i % 2 === 0 || i === all.length - 1 ? (i % 2 ? "`" : "") + part : make("code", { text: part }));

function explain(explanations) {
  let box = byID("explained");
  if (!explanations?.length) return box?.remove();
  const fresh = make("section", { id: "explained", "aria-label": "What happened" }, ...explanations.map(e => make("div", {},
    make("h2", {}, ...withCode(e.title)), e.text && make("p", {}, ...withCode(e.text, "\n\t")),
    e.try?.length > 0 && make("ul", {}, ...e.try.map(t => make("li", {}, ...withCode(t, "\n\t")))))));
  if (box?.textContent === fresh.textContent) return;
  if (box) box.replaceWith(fresh);
  else notice.after(fresh);
}

// ---- following the failure

let following = null;
const coming = s => s.state === "attaching" || s.state === "ready" && (s.explaining || unread(s.variables) || s.frames?.some(f => f.variables?.state === "loading"));
const unread = ({ ready = 0, failed = 0, of = 0 } = {}) => ready + failed < of;

async function follow() {
  following?.abort();
  const mine = following = new AbortController();
  let after, pause = 300;
  while (!mine.signal.aborted && unlocked()) {
    try {
      const began = Date.now();
      show(await server.get(after, mine.signal));
      if (mine.signal.aborted) return;
      if (!coming(last) || document.hidden) break;
      if (last.revision === after && Date.now() - began < 1000) await new Promise(done => setTimeout(done, 500)); // It should have waited.
      after = last.revision;
      pause = 300;
    } catch (problem) {
      if (problem.name === "AbortError" || mine.signal.aborted) return;
      if (problem.code === "token") return;
      if (problem.code === "failure") return gone(problem);
      tell(visible(problem.message));
      if (problem.code !== "gone") {
        notice.replaceChildren(make("div", { class: "trouble" }, say(problem)));
        return;
      }
      await new Promise(done => setTimeout(done, pause = Math.min(pause * 2, 5000)));
    }
  }
  if (following === mine) following = null;
}

function show(s) {
  const first = !last;
  last = s;
  main.dataset.state = s.state;
  placeFrames(s.frames);
  sayCopy(s);
  explain(s.explanations);
  switch (s.state) {
    case "ready": {
      const how = s.calls > 0 ? `after ${s.calls === 1 ? "a call" : s.calls + " calls"} from here` : s.copy_of !== "panic" && moments[s.copy_of] || "as it failed";
      const { ready = 0, failed = 0, of = 0 } = s.variables ?? {};
      if (unread(s.variables)) tell(`Variables of ${ready + failed} of ${of} calls…`, true, true);
      else tell(`Frozen copy of process ${s.failure?.pid || s.pid}, ${how}`);
      notice.replaceChildren();
      break;
    }
    case "unavailable":
      tell("Without variables");
      notice.replaceChildren(make("div", { class: "trouble" }, make("strong", { text: "There are no variables" }), say({ message: s.error, fix: s.fix }, ""), s.fix && quiet("Try again", again)));
      break;
    case "idle":
      tell("Not attached at the moment");
      notice.replaceChildren();
      break;
    default:
      tell(visible(s.progress ? s.progress + "…" : "Attaching the debugger…"), true);
      notice.replaceChildren();
  }
  byID("goroutines").hidden = s.state !== "ready";
  if (first) for (const card of document.querySelectorAll("#where[data-call], .calls details.call[open]")) giveRoom(card);
  for (const [frame, own] of rooms) {
    own.show(s, frameOf(frame), s.calls ?? 0);
    wanted(frame);
  }
}

async function again() {
  try {
    await server.change("attach");
  } catch (problem) {
    notice.replaceChildren(make("div", { class: "trouble" }, say(problem, "")));
    return;
  }
  follow();
}

function gone(problem) {
  main.dataset.state = "gone";
  tell("Not kept any more");
  notice.replaceChildren(make("div", { class: "trouble" }, make("strong", { text: "This failure is not kept any more" }), say(problem, "")));
  last = { state: "unavailable" };
  for (const [, own] of rooms) own.show(last, null, 0);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && id && unlocked() && !following && main.dataset.state !== "gone") follow();
});

// ---- keys

let current = null;
function go(card) {
  if (!card) return;
  current?.classList.remove("current");
  current = card;
  card.classList.add("current");
  const to = card.querySelector(":scope > summary") ?? card;
  if (card.id === "where") card.tabIndex = -1;
  to.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}
document.addEventListener("focusin", e => {
  const card = e.target.closest?.("#where, .calls details");
  if (!card || card === current) return;
  current?.classList.remove("current");
  current = card;
  card.classList.add("current");
});

function step(n) {
  const all = cards();
  if (all.length === 0) return;
  const at = current ? all.indexOf(current) : -1;
  go(all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + n))]);
}
function toConsole() {
  let card = current?.dataset.call !== undefined ? current : byID("where");
  if (!card) return;
  if (card.localName === "details") card.open = true;
  const own = giveRoom(card);
  if (own?.hasConsole) own.focusConsole();
}

const keys = {
  j: ["the next frame", () => step(1)],
  k: ["the frame before", () => step(-1)],
  o: ["open or close it (so does Enter)", () => { if (current?.localName === "details") current.open = !current.open; }],
  v: ["its variables", () => (current ?? byID("where"))?.querySelector("[role=tree] [tabindex='0']")?.focus()],
  "/": ["its console", toConsole],
  g: ["the goroutines", () => {
    const box = byID("goroutines");
    if (!box || box.hidden) return;
    box.open = !box.open;
    box.querySelector("summary").focus();
  }],
  f: ["the failures that are kept", () => byID("kept-button")?.click()],
  r: ["replay the request", () => byID("replay-button")?.click()],
  "?": ["these keys", () => { if (id) help(keys); }],
};
document.addEventListener("keydown", e => {
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
  const at = e.target;
  if (at.closest?.("input, textarea, select, dialog") || at.isContentEditable) return;
  if (memory.get("debugger keys") === "off" && e.key !== "?") return;
  if (!Object.hasOwn(keys, e.key)) return;
  e.preventDefault();
  keys[e.key][1]();
});
document.addEventListener("console-left", e => {
  const card = e.target.closest("#where, .calls details");
  if (card) go(card);
});

// ---- begin

if (id) {
  keptPanel(byID("top-tools"), id, framed);
  tools(byID("tools"), server, main.dataset.method ?? "");
  goroutines(byID("goroutines"), server);
  environment(byID("environment"), server);
} else {
  kept(byID("front"), framed);
}
if (id) byID("top-tools").append(quiet("Keys", () => help(keys), { "aria-keyshortcuts": "?" }));

onLock(is => {
  document.body.classList.toggle("locked", !is);
  if (!is) {
    following?.abort();
    last = null;
    for (const [, own] of rooms) own.show(nothing, null, 0);
    byID("replay")?.remove();
    const box = byID("goroutines");
    if (box) box.hidden = true;
    askForPIN();
  } else {
    notice.replaceChildren();
    tell("");
    if (id) follow();
  }
});
document.body.classList.toggle("locked", !unlocked());
if (!unlocked()) askForPIN();
else if (id) follow();
