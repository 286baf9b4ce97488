// The room of a frame: its variables and its console, below its source.

import { make, quiet, say } from "./debugger-dom.js";
import { repl } from "./debugger-console.js";
import { tree, widthOf } from "./debugger-values.js";

// room returns the room of a frame, an element with show. server are the calls about the failure, called is told when
// the copy may have changed.
export function room(frame, name, server, called) {
  // What was detached meanwhile, or is from before a call, is asked for anew.
  const asked = answer => answer.catch(problem => {
    if (problem.code === "attaching" || problem.code === "stale") called();
    throw problem;
  });
  const load = (ref, start, count) => asked(server.inside(ref, start, count));
  const use = expression => console.insert(expression);
  const lists = { arguments: tree("Arguments of " + name, load, use), locals: tree("Locals of " + name, load, use) };
  const console = repl(name, {
    load, called,
    evaluate: (expression, call, signal) => asked(server.evaluate(frame, expression, call, signal)),
    complete: (text, offset, signal) => server.complete(frame, text, offset, signal),
  });
  const values = make("div", { class: "values" });
  const element = make("div", { class: "room" }, values, console.element);
  console.ready(false);
  let shown = "";

  function list(title, variables, into, width) {
    if (!variables?.length) return;
    values.append(make("h4", { text: title }), into.element);
    into.show(variables, title, width);
  }
  function status(text, busy) {
    if (busy && values.querySelector("[role=tree]")) { // What was there stays in sight until there is better.
      values.classList.add("old");
      return;
    }
    values.replaceChildren(make("p", { class: busy ? "soft busy-text" : "soft", role: "status", text }));
  }

  return {
    element, frame,
    focusConsole: () => console.focus(),
    get hasConsole() {
      return !console.element.hidden;
    },
    // show puts the state of the failure, and what is known of this frame, into the room. calls is how many there were.
    show(state, own, calls) {
      const ready = state.state === "ready", idle = state.state === "idle";
      if (idle && values.querySelector("[role=tree]")) return; // What was there stays; who uses it attaches the debugger again.
      // Whoever types goes on; what is sent waits for the debugger, or is answered with what is wrong.
      const kept = !console.element.hidden && (state.state === "attaching" || ready && console.element.contains(document.activeElement));
      console.ready(kept || ready && !!own && !(own.variables?.state === "none" && own.variables.error));
      const v = own?.variables ?? { state: "none" };
      const key = [state.state, state.progress, state.error, v.state, v.error, calls, v.state === "ready" ? JSON.stringify([v.arguments, v.locals]) : "", own?.stands].join("\n");
      if (key === shown) return;
      shown = key;
      values.classList.remove("old");
      element.hidden = state.state === "unavailable" || state.state === "locked";
      if (idle) return values.replaceChildren(make("p", { class: "soft", text: "The debugger had to make room for another failure." }), quiet("Attach it again", called));
      if (state.state === "attaching") return status(state.progress ? state.progress + "…" : "The variables are on their way…", true);
      if (!ready) return;
      if (!own) return status("The debugger does not know this frame.");
      switch (v.state) {
        case "ready":
          values.replaceChildren();
          if (own.stands) values.append(make("p", { class: "soft", text: `The copy stands in line ${own.stands} of this frame, a little later. These are the values there.` }));
          for (const [title, variables, into] of [["Arguments", v.arguments, lists.arguments], ["Locals", v.locals, lists.locals]]) {
            list(title, variables, into, widthOf(v.arguments ?? [], v.locals ?? []));
          }
          if (!v.arguments?.length && !v.locals?.length) status("This frame has no variables.");
          break;
        case "failed":
          values.replaceChildren(say({ message: v.error || "The variables of this frame cannot be read.", fix: v.fix }));
          values.append(quiet("Try again", () => server.variables(frame).then(fresh => this.show(state, { ...own, variables: fresh }, calls), problem => values.replaceChildren(say(problem)))));
          break;
        case "none":
          if (v.error) values.replaceChildren(say({ message: v.error }));
          else status("The variables are on their way…", true);
          break;
        default:
          status("The variables are on their way…", true);
      }
    },
  };
}
