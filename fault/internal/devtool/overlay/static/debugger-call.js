// A frame that the page did not come with, as the templates make the others.

import { count, make, visible } from "./debugger-dom.js";

// placeOf names a place in a file, with the way to open it.
export function placeOf(file, short, line) {
  const label = visible(short || file) + (line > 0 ? ":" + line : "");
  if (!label) return make("span", { class: "place" });
  const whole = file + (line > 0 ? ":" + line : "");
  if (!(file.startsWith("/") || /^[a-z]:[\\/]/i.test(file)) || visible(file) !== file) return make("span", { class: "place", text: label });
  const a = make("a", { class: "place", text: label, title: "Open " + whole });
  Object.assign(a.dataset, { path: file, line: String(line), column: "0" });
  return a;
}

const pieces = /(\/\/.*|\/\*[^]*?(?:\*\/|$))|("(?:[^"\\\n]|\\.)*"?|`[^`]*`?|'(?:[^'\\\n]|\\.)*'?)|\b(break|case|chan|const|continue|default|defer|else|fallthrough|for|func|go|goto|if|import|interface|map|package|range|return|select|struct|switch|type|var)\b|(?<![\w.])(\d[\w.]*)/g;

// coloured returns for each line of Go what it consists of.
function coloured(source, go) {
  const all = [[]];
  const put = (text, kind) => text.split("\n").forEach((part, i) => {
    if (i > 0) all.push([]);
    part = visible(part, "\t");
    if (part) all.at(-1).push(kind ? make("span", { class: kind, text: part }) : part);
  });
  const text = source.map(l => l.text.replaceAll("\n", " ")).join("\n");
  let from = 0;
  for (const found of go ? text.matchAll(pieces) : []) {
    put(text.slice(from, found.index));
    put(found[0], "cskn"[found.slice(1).findIndex(f => f !== undefined)]);
    from = found.index + found[0].length;
  }
  put(text.slice(from));
  return all;
}

function linesOf(source, file) {
  const code = coloured(source, file?.endsWith(".go"));
  const body = make("tbody", {}, ...source.map((l, i) => make("tr", { class: l.hit ? "hit" : undefined },
    make("th", { scope: "row", text: String(l.number) }, l.hit && make("span", { class: "unseen", text: " (this line)" })),
    make("td", {}, make("code", {}, ...code[i])))));
  return make("div", { class: "lines", tabIndex: 0, role: "region", "aria-label": "Source code" }, make("table", {}, body));
}

// markLine marks what is known to have failed in the lines of a card, in the place of what was marked before.
export function markLine(card, source) {
  const line = source?.find(l => l.mark);
  const rows = [...card.querySelectorAll(":scope > .code > .lines tr")];
  const row = line && rows.find(r => r.querySelector("th").firstChild?.data === String(line.number));
  const code = row?.querySelector("code");
  if (!code) return;
  const text = visible(line.text, "\t");
  const from = visible(line.text.slice(0, line.mark.from), "\t").length, to = visible(line.text.slice(0, line.mark.to), "\t").length;
  if (from >= to || !code.textContent.startsWith(text.slice(0, to))) return; // The page shows another line, or it is cut before that.
  const before = rows.flatMap(r => [...r.querySelectorAll("mark")]);
  const marked = before.map(m => m.textContent).join("");
  if (marked === text.slice(from, to) && code.contains(before[0]) && offsetOf(code, before[0]) === from) return;
  for (const m of before) {
    const around = m.parentElement;
    m.replaceWith(m.className ? make("span", { class: m.className, text: m.textContent }) : m.textContent);
    around.normalize();
  }
  for (const r of rows) tellMark(r, r === row ? text.slice(from, to).trim().slice(0, 100) : "");
  const walk = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walk.nextNode()) texts.push(walk.currentNode);
  let at = 0;
  for (const t of texts) {
    const size = t.length, begin = Math.max(from - at, 0), end = Math.min(to - at, size);
    at += size;
    if (begin >= end) continue;
    const part = begin > 0 ? t.splitText(begin) : t;
    if (end - begin < part.length) part.splitText(end - begin);
    const m = make("mark");
    part.replaceWith(m);
    m.append(part);
  }
  document.dispatchEvent(new CustomEvent("fault-mark"));
}

// tellMark says beside the number of a line what is marked in it, as the templates do.
function tellMark(row, what) {
  row.querySelector("th .unseen")?.remove();
  const words = [row.classList.contains("hit") && "this line", what && "at " + what].filter(Boolean);
  if (words.length > 0) row.querySelector("th").append(make("span", { class: "unseen", text: ` (${words.join(", ")})` }));
}

// offsetOf is how much text stands before an element within another.
function offsetOf(within, element) {
  const range = document.createRange();
  range.setStart(within, 0);
  range.setEndBefore(element);
  return range.toString().length;
}

// labelOf is what the templates say of calls of libraries that follow each other.
export function labelOf(functions) {
  const packages = [...new Set(functions.map(f => {
    const slash = f.lastIndexOf("/") + 1;
    return f.slice(0, slash) + f.slice(slash).split(".")[0];
  }).filter(Boolean))];
  const names = packages.length > 2 ? `${packages[0]}, ${packages[1]} and ${count(packages.length - 2, "more package", "more packages")}` : packages.join(" and ");
  return `${count(functions.length, "call", "calls")} in ${names || "libraries"}`;
}

// repeatsOf finds, as the templates do, where the names of functions repeat; "" is like no other.
export function repeatsOf(names) {
  const all = [];
  for (let i = 0; i < names.length;) {
    let end = i + 1;
    for (let period = 1; period <= 4; period++) {
      let n = i + period;
      while (n < names.length && names[n] && names[n] === names[n - period]) n++;
      if (n - i - 2 * period < 4) continue;
      const what = `${(n - i - 2 * period).toLocaleString("en", { useGrouping: false })} more calls like ${period > 1 ? "these" : "this"}`;
      all.push({ from: i + period, to: n - period, label: `${names.slice(i, i + period).join(", ")}: ${what}` });
      end = n;
      break;
    }
    i = end;
  }
  return all;
}

const sourceOf = f => f.source?.length ? linesOf(f.source, f.file) : make("p", { class: "none", text: visible(f.why) || "There is no source to show." });

// topOf is the frame that is shown above all others, with the row that stands for it among them.
export function topOf(f) {
  const place = () => placeOf(f.file ?? "", f.short, f.line);
  const card = make("section", { id: "where" }, make("div", { class: "code" },
    make("p", { class: "bar" }, place(), " ", make("code", { class: "in", text: visible(f.app && f.name || f.function) })), sourceOf(f)));
  const row = make("p", { class: f.app ? "call own" : "call" }, make("code", { text: visible(f.app && f.name || f.function) }), " ",
    make("a", { class: "where", href: "#where", text: place().textContent + ", shown above" }));
  card.dataset.call = row.dataset.call = String(f.frame);
  markLine(card, f.source);
  return [card, row];
}

export function callOf(f) {
  const card = make("details", { class: f.app ? "call own" : "call" },
    make("summary", {}, make("code", { text: visible(f.app && f.name || f.function) }), " ", make("span", { class: "where", text: visible(f.short || f.file) + (f.line > 0 ? ":" + f.line : "") })),
    make("div", { class: "code" }, make("p", { class: "bar" }, placeOf(f.file ?? "", f.short, f.line)),
      sourceOf(f)));
  card.dataset.call = String(f.frame);
  markLine(card, f.source);
  return card;
}
