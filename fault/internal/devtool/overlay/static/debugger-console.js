// The console of a frame: expressions with history and completion. Reading is tried while one types; functions are called
// by the Enter key only, and what was a call says so.

import { make, memory, quiet, say, visible } from "./debugger-dom.js";
import { classOf, fill, tree } from "./debugger-values.js";

const remembered = 200; // expressions of the history
const pause = 160; // ms without a key before an expression is tried
let number = 0;

const history = {
  all() {
    try {
      const all = JSON.parse(memory.get("debugger history") ?? "[]");
      return Array.isArray(all) ? all.filter(e => typeof e === "string") : [];
    } catch {
      return [];
    }
  },
  add(expression) {
    this.set([...this.all().filter(e => e !== expression), expression]);
  },
  drop(expression) {
    this.set(this.all().filter(e => e !== expression));
  },
  set(all) {
    memory.set("debugger history", JSON.stringify(all.slice(-remembered)));
  },
};

// repl returns a console: its element, focus, insert, and ready, which says whether there is a debugger to ask.
// evaluate(expression, call, signal), complete(text, offset, signal) and load are those of the frame; called is told after a call.
export function repl(where, { evaluate, complete, load, called }) {
  const own = "console-" + ++number;
  const log = make("ol", { class: "log", role: "log", "aria-label": "Results in " + where, hidden: true });
  const input = make("textarea", {
    id: own + "-input", rows: 1, spellcheck: false, autocomplete: "off", autocapitalize: "off", role: "combobox", "aria-label": "Expression in " + where, "aria-expanded": "false",
    "aria-autocomplete": "list", "aria-controls": own, "aria-describedby": own + "-peek", enterKeyHint: "go", maxLength: 4096,
  });
  input.setAttribute("autocorrect", "off");
  input.placeholder = "An expression or a call";
  const choices = make("ul", { class: "choices", id: own, role: "listbox", "aria-label": "Completions", hidden: true });
  const peek = make("div", { class: "peek", id: own + "-peek", hidden: true });
  const go = quiet("Run", () => {
    run();
    input.focus();
  }, { class: "quiet run" });
  const prompt = make("div", { class: "prompt" }, make("span", { class: "sign", text: "›", "aria-hidden": "true" }), input, go, choices);
  const element = make("div", { class: "console" }, log, prompt, peek);

  let ready = false, back = 0, draft = "", running = 0;
  let trying = null, timer = 0; // the expression that is tried
  let offered = null; // { from, to, all, at }: what is being completed
  let plain = false; // the next Tab leaves
  let stock = [];

  async function inResult(ref, start, n) {
    try {
      return await load(ref, start, n);
    } catch (problem) {
      if (problem.code === "stale") problem.message = "The debugger was attached anew since. Evaluate it again.";
      throw problem;
    }
  }

  function fit() {
    input.rows = Math.min(12, input.value.split("\n").length);
  }
  function put(text, at = text.length) {
    input.value = text;
    input.setSelectionRange(at, at);
    fit();
    look();
  }

  // ---- what it would be, while one types

  function look() {
    clearTimeout(timer);
    trying?.abort();
    trying = null;
    const expression = input.value.trim();
    peek.hidden = true;
    if (!expression || !ready) return;
    timer = setTimeout(async () => {
      const mine = trying = new AbortController();
      try {
        const { result } = await evaluate(expression, false, mine.signal);
        if (trying !== mine || input.value.trim() !== expression) return;
        const value = make("span", { class: ("value " + classOf(result)).trim() });
        fill(value, visible(result.unreadable ? "cannot be read: " + result.unreadable : result.value).slice(0, 200), classOf(result));
        peek.replaceChildren(value, " ", make("span", { class: "of", text: visible(result.dynamic || result.type) }));
      } catch (problem) {
        if (trying !== mine || problem.code !== "call") return; // It is not finished, or Enter will say what is wrong.
        peek.replaceChildren(make("span", { class: "tag call", text: "call" }), " Enter calls it, in the frozen copy only.");
      }
      peek.hidden = false;
    }, pause);
  }

  // ---- running

  async function run() {
    const expression = input.value.trim();
    if (!expression || !ready) return;
    close();
    history.add(expression);
    back = 0;
    put("");
    const mark = make("span", { class: "tag call", text: "call", hidden: true, title: "It called a function of the application, in the frozen copy." });
    const echo = make("p", { class: "echo" }, make("button", { type: "button", class: "again", text: visible(expression, "\n\t"), title: "Take it up again", onclick: () => take(expression) }), mark);
    const wait = make("p", { class: "soft busy-text", text: "Evaluating…" });
    const entry = make("li", {}, echo, wait);
    log.hidden = false;
    log.append(entry);
    while (log.children.length > 100) log.firstChild.remove();
    running++;
    element.setAttribute("aria-busy", "true");
    let call = false;
    try {
      let answer;
      try {
        answer = await evaluate(expression, false);
      } catch (problem) {
        if (problem.code !== "call") throw problem;
        call = true; // Enter was pressed for it.
        mark.hidden = false;
        wait.textContent = "Calling…";
        answer = await evaluate(expression, true);
      }
      const shown = tree("Result", inResult, insert);
      shown.element.classList.add("result");
      shown.show([{ ...answer.result, name: "", shadowed: false, expression }]);
      wait.replaceWith(shown.element);
      if (answer.result.kind === "tuple") shown.element.querySelector("[aria-expanded=false]")?.toggle(true);
    } catch (problem) {
      if (problem.code === "unfinished" && !input.value) { // It goes on where it was left.
        history.drop(expression);
        entry.remove();
        log.hidden = !log.firstChild;
        put(expression);
        clearTimeout(timer);
        const told = say(problem, "unfinished");
        told.role = "alert"; // Nothing else tells a screen reader that it was not run.
        peek.hidden = false;
        peek.replaceChildren(told);
      } else {
        wait.replaceWith(say(problem));
      }
    } finally {
      if (--running === 0) element.removeAttribute("aria-busy");
      if (entry.isConnected) entry.scrollIntoView({ block: "nearest" });
      if (call) called();
    }
  }
  function take(expression) {
    put(expression);
    input.focus();
  }
  function insert(expression) {
    if (!expression) return;
    const { selectionStart: from, selectionEnd: to, value } = input;
    put(value.slice(0, from) + expression + value.slice(to), from + expression.length);
    input.focus();
  }

  // ---- completing

  function close() {
    offered = null;
    choices.hidden = true;
    choices.replaceChildren();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }
  let asking = null;
  async function offer(explicit) {
    asking?.abort();
    const mine = asking = new AbortController();
    const text = input.value, at = input.selectionStart;
    let got;
    try {
      got = await complete(text, at, mine.signal);
    } catch (problem) {
      if (asking === mine && problem.name !== "AbortError") close();
      return;
    }
    if (asking !== mine || input.value !== text || input.selectionStart !== at) return;
    const typed = text.slice(got.from, at);
    let all = got.completions ?? [];
    if (all.length === 1 && all[0].text === typed) all = [];
    if (all.length === 0) return close();
    if (explicit) { // What all have in common is certain.
      const common = all.map(c => c.text).reduce((a, b) => {
        let n = 0;
        while (n < a.length && a[n] === b[n]) n++;
        return a.slice(0, n);
      });
      if (all.length === 1 || common.length > typed.length && common.startsWith(typed)) {
        put(text.slice(0, got.from) + common + text.slice(at), got.from + common.length);
        if (all.length === 1) return close();
        return offer(false);
      }
    }
    offered = { from: got.from, at: 0 };
    stock = all;
    choices.replaceChildren(...all.slice(0, 200).map((c, i) => make("li", { role: "option", id: `${own}-${i}`, "aria-selected": String(i === 0), onpointerdown: e => {
      e.preventDefault();
      choose(i);
    } }, make("span", { class: "name", text: visible(c.text) }), make("span", { class: "of", text: visible(c.type) || c.kind }))));
    choices.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(0);
  }
  function mark(at) {
    const options = choices.children;
    offered.at = (at + options.length) % options.length;
    for (let i = 0; i < options.length; i++) options[i].setAttribute("aria-selected", String(i === offered.at));
    const one = options[offered.at];
    input.setAttribute("aria-activedescendant", one.id);
    choices.scrollTop = Math.max(Math.min(choices.scrollTop, one.offsetTop), one.offsetTop + one.offsetHeight - choices.clientHeight);
  }
  function choose(i) {
    const { from } = offered;
    const { text } = stock[i];
    put(input.value.slice(0, from) + text + input.value.slice(input.selectionStart), from + text.length);
    close();
  }

  // ---- keys

  function recall(step) {
    const all = history.all();
    const next = back + step;
    if (next < 0 || next > all.length) return;
    if (back === 0) draft = input.value;
    back = next;
    put(back === 0 ? draft : all[all.length - back]);
  }
  const onFirst = () => !input.value.slice(0, input.selectionStart).includes("\n");
  const onLast = () => !input.value.slice(input.selectionEnd).includes("\n");

  input.addEventListener("keydown", e => {
    if (e.isComposing) return;
    const bare = !e.ctrlKey && !e.metaKey && !e.altKey;
    const leave = plain;
    if (e.key !== "Shift") plain = false;
    switch (e.key) {
      case "Tab":
        if (!bare || e.shiftKey || leave || !offered && !input.value.slice(0, input.selectionStart).trim()) return close();
        if (offered) choose(offered.at);
        else offer(true);
        break;
      case "Enter":
        if (e.shiftKey) return;
        if (offered && bare) choose(offered.at);
        else run();
        break;
      case "ArrowUp":
        if (!bare) return;
        if (offered) mark(offered.at - 1);
        else if (onFirst()) recall(1);
        else return;
        break;
      case "ArrowDown":
        if (!bare) return;
        if (offered) mark(offered.at + 1);
        else if (onLast()) recall(-1);
        else return;
        break;
      case "Escape":
        if (offered) {
          close();
          plain = true;
        } else if (leave || !input.value) {
          input.blur();
          element.dispatchEvent(new CustomEvent("console-left", { bubbles: true }));
        } else {
          plain = true; // Tab leaves now, and another Escape too.
        }
        break;
      default:
        return;
    }
    e.preventDefault();
    e.stopPropagation();
  });
  input.addEventListener("input", () => {
    back = 0;
    plain = false;
    fit();
    look();
    const before = input.value.slice(0, input.selectionStart);
    if (ready && (offered || /[\w)\]]\.$/.test(before)) && /[\w.]$/.test(before)) offer(false);
    else close();
  });
  input.addEventListener("blur", () => {
    close();
    asking?.abort();
  });

  return {
    element, insert,
    focus: () => input.focus(),
    ready(is) {
      ready = is;
      element.hidden = !is;
      if (!is) close();
    },
  };
}
