// The comfort of the pages of `fault run`: they work without it.
"use strict";
(() => {
  const byID = id => document.getElementById(id);
  for (const e of document.querySelectorAll("[data-script]")) e.hidden = false;

  // ---- what is marked is seen, however narrow the window

  for (const mark of document.querySelectorAll(".hit mark")) {
    const box = mark.closest(".lines");
    const room = box.getBoundingClientRect(), at = mark.getBoundingClientRect();
    if (at.right > room.right - 16) box.scrollLeft = at.left - room.left - room.width / 2;
  }

  // ---- copying

  async function copy(text, from) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // Without a secure context there is the old way only.
      const area = Object.assign(document.createElement("textarea"), { value: text, className: "unseen" });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      from.focus();
    }
    const label = from.dataset.label ??= from.textContent;
    from.textContent = "Copied";
    setTimeout(() => { from.textContent = label; }, 1500);
  }
  document.addEventListener("click", e => {
    const from = e.target.closest("[data-copy], [data-copy-of]");
    if (from) copy(from.dataset.copy ?? byID(from.dataset.copyOf).textContent, from);
  });

  // ---- the editor that opens files

  const editors = {
    "VS Code": p => `vscode://file${p.path}${p.at}`,
    "Cursor": p => `cursor://file${p.path}${p.at}`,
    "VSCodium": p => `vscodium://file${p.path}${p.at}`,
    "Windsurf": p => `windsurf://file${p.path}${p.at}`,
    "Zed": p => `zed://file${p.path}${p.at}`,
    "GoLand": p => `goland://open?file=${p.whole}&line=${p.line}&column=${p.column}`,
    "IntelliJ IDEA": p => `idea://open?file=${p.whole}&line=${p.line}&column=${p.column}`,
    "Sublime Text": p => `subl://open?url=file://${p.path}&line=${p.line}&column=${p.column}`,
    "TextMate": p => `txmt://open?url=file://${p.path}&line=${p.line}&column=${p.column}`,
    "Emacs": p => `emacs://open?url=file://${p.path}&line=${p.line}&column=${p.column}`,
  };
  const choice = byID("editor");
  const key = "fault run editor";
  function read() {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }
  function point() {
    const address = editors[choice.value];
    for (const a of document.querySelectorAll("a[data-path]")) {
      const { path, line, column } = a.dataset;
      const parts = (path.startsWith("/") ? path : "/" + path.replaceAll("\\", "/")).split("/").map(encodeURIComponent);
      if (/^[a-z]%3A$/i.test(parts[1])) parts[1] = parts[1][0] + ":";
      const place = line > 0 ? `:${line}` + (column > 0 ? `:${column}` : "") : "";
      a.href = address({ path: parts.join("/"), whole: encodeURIComponent(path), at: place, line: Math.max(line, 1), column: Math.max(column, 1) });
    }
  }
  if (choice) {
    for (const name of Object.keys(editors)) choice.append(new Option(name, name));
    if (Object.hasOwn(editors, read() ?? "")) choice.value = read();
    choice.addEventListener("change", () => {
      try {
        localStorage.setItem(key, choice.value);
      } catch { /* it holds for this page only */ }
      point();
    });
    point();
  }

  // ---- in a page of the application: it is put aside with a click or the Escape key

  let around = null;
  try {
    around = window.frameElement;
  } catch { /* it is another site's */ }
  const away = byID("aside");
  if (around && document.body.dataset.framed) {
    const close = e => {
      e?.preventDefault();
      if (!away) return;
      const { id } = document.body.dataset;
      if (id) navigator.sendBeacon("/.fault/dismiss", new URLSearchParams({ id }));
      around.dispatchEvent(new CustomEvent("fault-aside"));
    };
    away?.addEventListener("click", close);
    addEventListener("fault-close", close);
    addEventListener("keydown", e => {
      if (e.key === "Escape" && !e.defaultPrevented) close(e);
    });
    around.dispatchEvent(new CustomEvent("fault-ready"));
  }

  // ---- how long it has been

  const since = byID("since");
  if (since) {
    const begun = Date.parse(since.dataset.since);
    const tell = () => { since.textContent = `${Math.max(0, (Date.now() - begun) / 1000).toFixed(1)} s`; };
    tell();
    setInterval(tell, 100);
  }
})();
