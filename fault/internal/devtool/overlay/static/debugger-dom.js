// What the debugger's scripts make nodes with. Texts become text, never markup.

// make returns an element: with properties, with attributes where the name has a hyphen or is role, with handlers
// (onclick), and with children, of which those that are nothing are left out.
export function make(name, properties = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.includes("-") || key === "role") e.setAttribute(key, value);
    else if (key === "class") e.className = value;
    else if (key === "text") e.textContent = value;
    else e[key] = value;
  }
  e.append(...children.filter(c => c !== undefined && c !== null && c !== false && c !== ""));
  return e;
}

export const byID = id => document.getElementById(id);

// quiet makes a small button.
export const quiet = (text, onclick, more = {}) => make("button", { type: "button", class: "quiet", text, onclick, ...more });

// say is a sentence about what went wrong, with what to do about it.
export function say(problem, className = "trouble-text") {
  const p = make("p", { class: className }, make("span", { text: visible(problem.message || String(problem), "\n") }));
  if (problem.fix) p.append(" ", make("span", { class: "fix", text: visible(problem.fix, "\n") }));
  return p;
}

// visible spells what acts on a page instead of standing in it: controls, what turns the direction of writing, what has no
// shape. It is as internal/visible has it for what comes as JSON.
export function visible(text, keep = "") {
  return String(text ?? "").replace(/\u{1f3f4}[\u{e0030}-\u{e007a}]{1,6}\u{e007f}|(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Co}\p{Noncharacter_Code_Point}\u115f\u1160\u3164\uffa0\u2028\u2029]/gu, c => {
    if (keep.includes(c) || c.startsWith("\ud83c")) return c; // the flags that are made of tags are seen
    if (c.length === 2) return "\\U" + c.codePointAt(0).toString(16).padStart(8, "0");
    const known = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[c];
    return known ?? "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0");
  });
}

export function bytes(n) {
  if (!(n > 0)) return "0 B";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return (unit ? n.toFixed(1) : Math.round(n)) + " " + units[unit];
}

export const count = (n, one, many) => n.toLocaleString("en") + " " + (n === 1 ? one : many);

// remember keeps something for this browser; where it has no memory, for this page.
const here = new Map();
export const memory = {
  get(key) {
    try {
      return localStorage.getItem("fault run " + key);
    } catch {
      return here.get(key) ?? null;
    }
  },
  set(key, value) {
    here.set(key, value);
    try {
      if (value === null) localStorage.removeItem("fault run " + key);
      else localStorage.setItem("fault run " + key, value);
    } catch { /* it holds for this page only */ }
  },
};

// copy puts a text into the clipboard. Without the right to do so there is the old way only.
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const from = document.activeElement;
    const area = make("textarea", { value: text, class: "unseen" });
    (from?.closest("dialog") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    from?.focus();
    return done;
  }
}
