"use strict";
// Every page works without this file. It counts characters, keeps times fresh, and stops a form
// from being sent twice by one double click.

// Characters as people count them, with a line break as one.
const segmenter = window.Intl && Intl.Segmenter ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
const length = (text) => {
  if (!segmenter) return Array.from(text.normalize("NFC")).length;
  let n = 0;
  for (const _ of segmenter.segment(text)) n++;
  return n;
};

// What the server keeps of a text: no spaces at the ends, no control characters, no runs of blank
// lines. Its twin is checkText.
const kept = (text) => text
  .replace(/\r\n?|[\v\f\x85\u2028\u2029]/g, "\n")
  .replace(/[\0-\x08\x0e-\x1f\x7f-\x9f]/g, "")
  .replace(/\n(?:[^\S\n\ufeff]*\n){2,}/g, "\n\n")
  .replace(/^[^\S\ufeff]+|[^\S\ufeff]+$/g, "");

for (const box of document.querySelectorAll("[data-limit]")) {
  const limit = Number(box.dataset.limit);
  const hint = document.getElementById(box.id + "-hint");
  const told = document.createElement("span"); // for screen readers, after a pause in typing
  told.className = "unseen";
  told.setAttribute("role", "status");
  hint.after(told);
  let pause;
  const say = (left) => left < 0 ? `${-left} too many` : `${left} left`;
  const count = () => {
    const left = limit - length(kept(box.value));
    hint.textContent = say(left);
    hint.classList.toggle("over", left < 0);
    clearTimeout(pause);
    pause = setTimeout(() => { told.textContent = left <= 20 ? say(left) : ""; }, 900);
  };
  box.addEventListener("input", count);
  if (box.value) count();
}

// The wording has a twin in reltime.go.
const units = [[60, "minute"], [3600, "hour"], [86400, "day"]];
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const ago = (then, now) => {
  const s = Math.floor((now - then) / 1000);
  if (s >= -60 && s < 60) return "just now";
  if (s > 0 && s < 7 * 86400) {
    const [size, unit] = units.findLast(([size]) => s >= size);
    const n = Math.floor(s / size);
    return `${n} ${unit}${n === 1 ? "" : "s"} ago`;
  }
  const year = then.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year }).format(then);
};
const refresh = () => {
  const now = new Date();
  for (const t of document.querySelectorAll("time[title]")) {
    const then = new Date(t.dateTime);
    const text = ago(then, now);
    if (t.textContent !== text) t.textContent = text;
    t.title = exact.format(then);
  }
};
refresh();
setInterval(refresh, 60000);

// A form is sent once until the answer comes, the page is shown again, or ten seconds have passed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  const button = event.submitter;
  if (button) button.setAttribute("aria-disabled", "true");
  setTimeout(release, 10000, form);
});
const release = (form) => {
  delete form.dataset.sent;
  for (const b of form.querySelectorAll("[aria-disabled]")) b.removeAttribute("aria-disabled");
};
addEventListener("pageshow", () => {
  for (const form of document.forms) release(form);
  refresh();
});
