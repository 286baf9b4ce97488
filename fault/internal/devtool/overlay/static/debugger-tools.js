// What can be done with a failure besides looking at it: replaying its request, copying it, its goroutines; and the keys.

import { copy, count, make, memory, quiet, say, visible } from "./debugger-dom.js";
import { placeOf } from "./debugger-call.js";
import { onLock, unlocked } from "./debugger-server.js";

const copies = { markdown: "Markdown", test: "Go test", curl: "curl" };

// tools puts the buttons of the failure into its title.
export function tools(into, server, method) {
  const problem = make("div", { class: "tools-problem", role: "alert" });
  const as = make("span", { class: "copies", role: "group", "aria-label": "Copy as" }, make("span", { class: "soft", text: "Copy as" }));
  for (const [kind, label] of Object.entries(copies)) {
    if (!method && kind !== "markdown") continue; // There is no request to make it of.
    const button = quiet(label, async () => {
      problem.replaceChildren();
      try {
        if (!await copy(await server.text(kind))) throw new Error("The browser does not let this page write into the clipboard.");
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = label; }, 1500);
      } catch (refused) {
        problem.replaceChildren(say(refused));
      }
    }, { "data-copies": kind });
    as.append(button);
  }
  const safe = method === "GET" || method === "HEAD" || method === "OPTIONS";
  let sure = false;
  const usual = "Replay";
  const again = make("button", { type: "button", class: "button", id: "replay-button", text: usual, title: "Send the request to the newest version", "aria-keyshortcuts": "r" });
  again.addEventListener("click", async () => {
    if (!safe && !sure) { // It may change data a second time.
      sure = true;
      again.textContent = `Send ${visible(method)} again?`;
      return;
    }
    sure = false;
    again.disabled = true;
    again.textContent = "Replaying…";
    problem.replaceChildren();
    try {
      replay(await server.replay());
    } catch (refused) {
      problem.replaceChildren(say(refused));
    } finally {
      again.disabled = false;
      again.textContent = usual;
    }
  });
  const unsure = () => {
    if (!sure) return;
    sure = false;
    again.textContent = usual;
  };
  document.addEventListener("click", e => { if (!again.contains(e.target)) unsure(); }, true);
  document.addEventListener("keydown", e => { if (e.key === "Escape") unsure(); }, true);
  if (method) into.prepend(again);
  into.after(as, problem);
  const shown = is => {
    for (const e of [again, as]) e.hidden = !is;
    if (!is) problem.replaceChildren();
  };
  onLock(shown);
  shown(unlocked());
}

// verdict compares what a replayed request has brought with what it brought before: a class, a headline and a sentence. A request of
// which something was masked or not kept may have been refused before it got to what failed.
function verdict(before, after) {
  const changed = (after.changed ?? []).map(c => visible(c));
  const named = changed.length > 5 ? [...changed.slice(0, 5), `${changed.length - 5} more`] : changed;
  const list = named.length > 1 ? named.slice(0, -1).join(", ") + " and " + named.at(-1) : named[0];
  if (!(after.status > 0)) return ["failed", "There was no answer."];
  if (after.broke) return ["failed", "The answer broke off."];
  if (after.status >= 500 || after.status >= 400 && after.status === before.status) return ["failed", "It still fails."];
  if (!list) return ["passed", "It does not fail any more."];
  if (after.status >= 300) return ["unsure", "It cannot be compared.", `The request was answered with ${after.status}, perhaps before it got to where the other one failed, since it was not the same: ${list} ${named.length > 1 ? "were" : "was"} masked or not kept. So this does not say that the failure is mended.`];
  return ["unsure", "It did not fail, but was not the same request.", `${list[0].toUpperCase()}${list.slice(1)} ${named.length > 1 ? "were" : "was"} masked or not kept.`];
}

function answerOf(title, a, is, more = []) {
  return make("div", { class: "answer " + is }, make("h3", { text: title }),
    make("p", { class: "answer-status" }, make("strong", { text: a.status > 0 ? String(a.status) : "No answer" }),
      make("span", { class: "soft", text: [a.generation > 0 && " version " + a.generation, a.took_ms >= 0 && ` ${a.took_ms < 10 ? a.took_ms.toFixed(1) : Math.round(a.took_ms)} ms`].filter(Boolean).join(",") })),
    ...more);
}

// replay shows what a replayed request has brought, beside what it brought before.
export function replay({ before = {}, after = {} }) {
  const [is, headline, sentence] = verdict(before, after);
  const lines = Object.entries(after.header ?? {}).flatMap(([name, values]) => values.map(v => `${name}: ${v}`)).sort();
  const section = make("section", { id: "replay", tabIndex: -1, "aria-label": "Replay" },
    make("div", { class: "sheet-head" }, make("h2", {}, "Replayed ", make("small", { text: headline })), quiet("Close", () => section.remove())),
    make("div", { class: "answers" }, answerOf("Then", before, "failed"), answerOf("Now", after, is)),
    sentence && make("p", { class: "verdict", text: sentence }),
    ...(after.notes ?? []).map(n => make("p", { class: "soft", text: visible(n) })),
    lines.length > 0 && make("details", { class: "more" }, make("summary", { text: count(lines.length, "header", "headers") }), make("pre", { class: "output", tabIndex: 0, text: lines.map(l => visible(l)).join("\n") })),
    after.body ? make("details", { class: "more", open: after.body.length < 2000 }, make("summary", { text: "Body" + (after.cut ? ", cut" : "") }), make("pre", { class: "output", tabIndex: 0, text: visible(after.body, "\n\t") }))
      : after.status > 0 && make("p", { class: "soft", text: "The answer has no body." }));
  document.getElementById("replay")?.remove();
  document.getElementById("notice").after(section);
  section.focus({ preventScroll: true });
  section.scrollIntoView({ block: "nearest" });
}

// brief is a function without the path of its package.
const brief = f => f.slice(f.split("[")[0].lastIndexOf("/") + 1);

function goroutineOf(g) {
  const waits = visible(g.wait || g.state || "");
  const names = Object.entries(g.labels ?? {}).map(([k, v]) => `${k}=${v}`).join(" ");
  const from = [g.started && g.started !== g.function && "began with " + brief(g.started), g.creator && "started by " + brief(g.creator)].filter(Boolean).join(", ");
  return make("tr", { class: g.failing ? "failing" : g.app || g.request ? "own" : undefined },
    make("td", { text: String(g.id) }),
    make("td", {}, g.failing ? make("span", { class: "tag", text: "failed" }) : waits, g.unreadable && make("span", { class: "from", text: visible(g.unreadable) })),
    make("td", {}, make("code", { text: visible(g.name || g.function) }), " ", placeOf(g.file ?? "", g.short, g.line),
      from && make("span", { class: "from", text: visible(from) }), names && make("span", { class: "from", text: visible(names) })));
}

const tableOf = (title, some) => make("table", { class: "goroutines", "aria-label": title },
  make("thead", {}, make("tr", {}, ...["No.", "Waits for", "Where"].map(t => make("th", { scope: "col", text: t })))), make("tbody", {}, ...some.map(goroutineOf)));

// whenOpened fills a box each time it is opened, until fill has done so once. To lock empties it; reset is called then.
function whenOpened(box, fill, reset = () => {}) {
  const inner = make("div", { class: "inner" });
  let loaded = false;
  box.append(inner);
  box.addEventListener("toggle", async () => {
    if (!box.open || loaded) return;
    loaded = true;
    inner.replaceChildren(make("p", { class: "soft busy-text", text: "Loading…" }));
    try {
      inner.replaceChildren(...(await fill()).filter(Boolean));
      document.dispatchEvent(new CustomEvent("fault-places"));
    } catch (problem) {
      loaded = false;
      inner.replaceChildren(say(problem));
    }
  });
  onLock(is => {
    reset(is);
    if (is) return;
    loaded = false;
    box.open = false;
    inner.replaceChildren();
  });
}

const left = (n, one, several) => n > 0 && make("p", { class: "soft", text: `${count(n, one, several)} left out.` });

// goroutines fills the box for them when it is opened.
export function goroutines(box, server) {
  if (!box) return;
  const summary = box.querySelector("summary");
  whenOpened(box, async () => {
    const got = await server.goroutines();
    const all = got.goroutines ?? [];
    const groups = [
      ["This request", all.filter(g => g.failing || g.request)],
      ["The application", all.filter(g => !g.failing && !g.request && g.app)],
      ["Libraries and the runtime", all.filter(g => !g.failing && !g.request && !g.app)],
    ].filter(([, some]) => some.length > 0);
    summary.textContent = `Goroutines (${(all.length + (got.cut ?? 0)).toLocaleString("en")})`;
    if (all.length === 0) return [make("p", { class: "soft", text: "There are none to show." })];
    return [...groups.map(([title, some], i) => i > 0 && title === "Libraries and the runtime"
      ? make("details", { class: "more" }, make("summary", { text: `${title} (${some.length})` }), tableOf(title, some))
      : make("div", {}, make("h3", { text: title }), tableOf(title, some))), left(got.cut, "further one is", "further ones are")];
  }, () => { summary.textContent = "Goroutines"; });
}

const factsOf = pairs => make("dl", { class: "facts" }, ...pairs.map(([name, value]) => make("div", {}, make("dt", { text: visible(name) }), make("dd", {}, make("bdi", { text: visible(value) })))));

// versionOf is a module as go list has it, with what is in its place.
const versionOf = m => [m.version, m.replaced_by && "=> " + [m.replaced_by.path, m.replaced_by.version].filter(Boolean).join(" ")].filter(Boolean).join(" ") || "–";

// filterOf makes a box that leaves of the facts below only those in which its text stands.
function filterOf(among) {
  const box = make("input", { type: "search", class: "filter", placeholder: "Filter", "aria-label": "Filter the environment", autocomplete: "off", spellcheck: false });
  box.addEventListener("input", () => {
    const text = box.value.trim().toLowerCase();
    for (const row of among.querySelectorAll(".facts > div")) row.hidden = !row.textContent.toLowerCase().includes(text);
    for (const part of among.querySelectorAll("[data-part]")) part.hidden = !part.querySelector(".facts > div:not([hidden])");
  });
  return box;
}

// environment fills the box for what the version was started with when it is opened.
export function environment(box, server) {
  if (!box) return;
  const shown = is => { box.hidden = !is; };
  whenOpened(box, async () => {
    const e = await server.environment();
    const b = e.build;
    const parts = [
      ["Started with", [["Directory", e.dir], ["Program", e.program], ...e.arguments.map((a, i) => ["Argument " + (i + 1), a])]],
      ["Variables", e.variables.map(v => [v.name, v.value])],
      ["Build", b && [["Go", b.go], ["Package", b.package], ...b.settings.map(v => [v.name, v.value])].filter(([, value]) => value)],
      ["Modules", b?.modules.map(m => [m.path, versionOf(m)])],
    ].filter(([, pairs]) => pairs?.length > 0);
    const all = make("div", {}, ...parts.map(([title, pairs]) => make("div", { "data-part": title }, make("h3", { text: title }), factsOf(pairs))));
    return [filterOf(all), all, left(e.cut, "further argument or variable is", "further arguments and variables are"), e.why && make("p", { class: "soft", text: visible(e.why) })];
  }, shown);
  shown(unlocked());
}

// help shows the keys.
export function help(keys) {
  let dialog = document.getElementById("help");
  if (!dialog) {
    const list = rows => make("dl", { class: "keys" }, ...rows.map(([names, what]) => make("div", {}, make("dt", {}, ...names.map(n => make("kbd", { text: n }))), make("dd", { text: what }))));
    const on = make("input", { type: "checkbox", id: "keys-on", checked: memory.get("debugger keys") !== "off" });
    on.addEventListener("change", () => memory.set("debugger keys", on.checked ? null : "off"));
    dialog = make("dialog", { id: "help", class: "sheet", "aria-labelledby": "help-title" },
      make("div", { class: "sheet-head" }, make("h2", { id: "help-title", text: "Keys", tabIndex: -1 }), quiet("Close", () => dialog.close())),
      make("div", { class: "keys-all" },
        make("div", {}, make("h3", { text: "On the page" }), list(Object.entries(keys).map(([key, [what]]) => [[key], what]))),
        make("div", {}, make("h3", { text: "In the console" }), list([
          [["Enter"], "evaluate; functions are called by it only"], [["Shift", "Enter"], "a new line"], [["Tab"], "complete"], [["↑"], "earlier expressions"], [["Esc"], "leave it"]]),
        make("h3", { text: "In variables" }), list([[["↑", "↓"], "from one to another"], [["→", "←"], "open and close"], [["e"], "take it into the console"], [["Ctrl", "C"], "copy the value"]]))),
      make("p", {}, make("label", {}, on, " Single keys do something on the page")));
    dialog.addEventListener("click", e => { if (e.target === dialog) dialog.close(); });
    document.body.append(dialog);
  }
  if (dialog.open) return;
  dialog.showModal();
  dialog.querySelector("h2").focus();
}
