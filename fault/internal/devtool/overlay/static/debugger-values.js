// A tree of variables. What is deeper is loaded when it is opened.

import { count, make, quiet, say, visible } from "./debugger-dom.js";

const most = 100; // children that are loaded at a time
const long = 160; // characters of a value that are shown before it is opened

// sizeOf tells how much there is of what the value does not show whole.
function sizeOf(v) {
  if (!v.cut || !(v.len > 0)) return "";
  if (v.kind === "string") return count(v.len, "byte", "bytes");
  return ["slice", "array", "map"].includes(v.kind) ? count(v.len, "element", "elements") : "";
}

// typeOf is the type, and that of what is in an interface.
const typeOf = v => v.dynamic && v.dynamic !== v.type ? `${v.type}: ${v.dynamic}` : v.type;

const numbers = new Set(["int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr", "float32", "float64", "complex64", "complex128"]);

export function classOf(v) {
  if (v.unreadable) return "cannot";
  if (v.nil || v.value === "nil") return "k";
  if (v.kind === "string") return "s";
  if (v.kind === "bool") return "k";
  if (numbers.has(v.kind)) return "n";
  return "";
}

const pieces = /("(?:[^"\\]|\\.)*"?|`[^`]*`?)|\b(nil|true|false)\b|((?<![\w.])-?(?:0x[\da-f]+|\d[\d._]*(?:e[+-]?\d+)?)\w*)/gi;

// fill puts a value into its place, and colours what it consists of unless the whole has a colour.
export function fill(place, text, whole) {
  const parts = [];
  let from = 0;
  for (const found of whole ? [] : text.matchAll(pieces)) {
    if (found.index > from) parts.push(text.slice(from, found.index));
    parts.push(make("span", { class: found[1] ? "s" : found[2] ? "k" : "n", text: found[0] }));
    from = found.index + found[0].length;
  }
  place.replaceChildren(...parts, text.slice(from));
}

// widthOf is how much room the names of variables want, in characters.
export const widthOf = (...lists) => Math.max(4, ...lists.flat().map(v => (v.name?.length ?? 0) + (v.shadowed || v.result ? 10 : 0)));

// tree returns a tree: its element, and show, which puts other variables into it and keeps open what was. load(ref,
// start, count) brings children. use(expression) is called for what its reader wants in the console.
export function tree(label, load, use) {
  const opened = new Set(); // paths
  const element = make("ul", { role: "tree", class: "tree", "aria-label": label });

  const items = () => [...element.querySelectorAll("[role=treeitem]")].filter(i => !i.parentElement.closest("[aria-expanded=false]"));
  function stand(item) {
    for (const other of element.querySelectorAll("[role=treeitem][tabindex='0']")) other.tabIndex = -1;
    item.tabIndex = 0;
  }

  function itemOf(v, path, level) {
    const deep = !!(v.ref || v.key_ref);
    const value = v.unreadable ? "cannot be read: " + visible(v.unreadable) : visible(v.value);
    const isLong = !deep && value.length > long;
    const folded = value.length > long && !deep ? value.slice(0, long) + "…" : value;
    const whole = classOf(v);
    const shown = make("span", { class: ("value " + whole).trim(), dir: "ltr" });
    fill(shown, folded, whole || v.kind === "func");
    const name = make("span", { class: "name", text: visible(v.name) || "·" });
    const row = make("div", { class: "row" },
      make("span", { class: "twist", "aria-hidden": "true" }), name,
      v.shadowed && make("span", { class: "tag", text: "shadowed", title: "Another variable of this name lies in front of it in this frame." }),
      v.result && make("span", { class: "tag", text: "result", title: "What the function returns." }),
      shown, make("span", { class: "of", text: visible(typeOf(v)), title: visible(typeOf(v)) }));
    if (sizeOf(v)) shown.append(make("span", { class: "size", text: " " + sizeOf(v) }));
    const item = make("li", { role: "treeitem", tabIndex: -1, "aria-level": String(level) }, row);
    const words = [visible(v.name), value.slice(0, 200), sizeOf(v), visible(typeOf(v))].filter(Boolean);
    if (v.shadowed) words.splice(1, 0, "shadowed");
    item.setAttribute("aria-label", words.join(", "));
    item.copied = v.unreadable ? "" : v.value || "";
    item.expression = v.expression;
    if (v.shadowed) item.classList.add("hides");

    let inner = null;
    if (deep || isLong) item.setAttribute("aria-expanded", "false");
    item.toggle = async (open = item.getAttribute("aria-expanded") !== "true") => {
      if (!deep && !isLong || open === (item.getAttribute("aria-expanded") === "true")) return;
      item.setAttribute("aria-expanded", String(open));
      if (isLong) {
        fill(shown, open ? value : folded, whole);
        shown.classList.toggle("whole", open);
        return;
      }
      if (!open) {
        opened.delete(path);
        return;
      }
      opened.add(path);
      if (inner) return;
      inner = make("ul", { role: "group" });
      item.append(inner);
      if (v.key_ref) put(inner, [{ name: "key", value: "", ref: v.key_ref }], path + "\u0000key", level + 1);
      if (v.ref) await more(inner, v.ref, 0, path, level + 1);
    };
    row.addEventListener("click", e => {
      if (!getSelection().isCollapsed) return; // somebody is selecting a text
      stand(item);
      item.focus({ preventScroll: true });
      item.toggle();
      e.stopPropagation();
    });
    name.addEventListener("dblclick", () => use?.(v.expression));
    return item;
  }

  async function more(into, ref, start, path, level) {
    const wait = make("li", { class: "wait-row", role: "none", text: "Loading…" });
    into.append(wait);
    into.setAttribute("aria-busy", "true");
    try {
      const got = await load(ref, start, most);
      const fresh = put(into, got.variables ?? [], path, level, start);
      const next = start + (got.variables?.length ?? 0);
      const left = (got.total ?? next) - next;
      if (left > 0 && next > start) {
        const row = make("li", { role: "none", class: "more-row" });
        const button = quiet(`Show ${count(Math.min(left, most), "more", "more")} of ${count(got.total, "", "").trim()}`, async () => {
          row.remove();
          const first = await more(into, ref, next, path, level);
          if (first) {
            stand(first);
            first.focus();
          }
        });
        row.append(button);
        into.append(row);
      } else if (next === 0) {
        into.append(make("li", { role: "none", class: "wait-row", text: "There is nothing in it." }));
      }
      return fresh[0];
    } catch (problem) {
      const row = make("li", { role: "none", class: "more-row" }, say(problem));
      if (problem.code !== "stale") {
        row.append(quiet("Try again", () => {
          row.remove();
          more(into, ref, start, path, level);
        }));
      }
      into.append(row);
    } finally {
      wait.remove();
      into.removeAttribute("aria-busy");
    }
  }

  function put(into, variables, path, level, start = 0, least = 0) {
    if (start === 0) into.style.setProperty("--names", Math.min(24, Math.max(least, widthOf(variables)) + 2) + "ch");
    const fresh = variables.map((v, i) => {
      const own = path + "\u0000" + v.name + "\u0000" + (v.name ? v.shadowed ? start + i : "" : start + i);
      const item = itemOf(v, own, level);
      into.append(item);
      if (opened.has(own)) item.toggle(true);
      return item;
    });
    return fresh;
  }

  element.addEventListener("focusin", e => {
    const item = e.target.closest("[role=treeitem]");
    if (item) stand(item);
  });
  element.addEventListener("keydown", e => {
    const item = e.target.closest("[role=treeitem]");
    if (!item || e.target !== item || e.ctrlKey || e.metaKey || e.altKey) return;
    const all = items();
    const at = all.indexOf(item);
    const expanded = item.getAttribute("aria-expanded");
    let to = null;
    switch (e.key) {
      case "ArrowDown": to = all[at + 1]; break;
      case "ArrowUp": to = all[at - 1]; break;
      case "Home": to = all[0]; break;
      case "End": to = all.at(-1); break;
      case "ArrowRight":
        if (expanded === "false") item.toggle(true);
        else if (expanded === "true") to = item.querySelector("[role=treeitem]");
        break;
      case "ArrowLeft":
        if (expanded === "true") item.toggle(false);
        else to = item.parentElement.closest("[role=treeitem]");
        break;
      case "Enter":
      case " ":
        item.toggle();
        break;
      case "e":
        if (!item.expression || !use) return;
        use(item.expression);
        break;
      default:
        return;
    }
    e.preventDefault();
    e.stopPropagation();
    to?.focus();
  });
  element.addEventListener("copy", e => { // Without a selection the value is what is meant.
    const item = e.target.closest?.("[role=treeitem]");
    if (!item || !getSelection().isCollapsed) return;
    e.clipboardData.setData("text/plain", item.copied);
    e.preventDefault();
  });

  return {
    element,
    // show wants at least so much room for names, so that trees below each other look like one.
    show(variables, path = "", least = 0) {
      const had = element.contains(document.activeElement) ? items().indexOf(document.activeElement.closest("[role=treeitem]")) : -1;
      element.replaceChildren();
      put(element, variables, path, 1, 0, least);
      const first = element.querySelector("[role=treeitem]");
      if (first) first.tabIndex = 0;
      if (had >= 0) (items()[had] ?? first)?.focus();
    },
  };
}
