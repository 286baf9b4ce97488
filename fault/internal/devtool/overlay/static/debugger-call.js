// A frame that the page did not come with, as the templates make the others.

import { make, visible } from "./debugger-dom.js";

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

function linesOf(source) {
  const body = make("tbody", {}, ...source.map(l => make("tr", { class: l.hit ? "hit" : undefined },
    make("th", { scope: "row", text: String(l.number) }, l.hit && make("span", { class: "unseen", text: " (this line)" })),
    make("td", {}, make("code", { text: visible(l.text, "\t") })))));
  return make("div", { class: "lines", tabIndex: 0, role: "region", "aria-label": "Source code" }, make("table", {}, body));
}

export function callOf(f) {
  const card = make("details", { class: f.app ? "call own" : "call" },
    make("summary", {}, make("code", { text: visible(f.name || f.function) }), " ", make("span", { class: "where", text: visible(f.short || f.file) + (f.line > 0 ? ":" + f.line : "") })),
    make("div", { class: "code" }, make("p", { class: "bar" }, placeOf(f.file ?? "", f.short, f.line)),
      f.source?.length ? linesOf(f.source) : make("p", { class: "none", text: visible(f.why) || "There is no source to show." })));
  card.dataset.call = String(f.frame);
  return card;
}
