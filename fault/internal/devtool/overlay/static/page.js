// The comfort of the pages of `fault run`: they work without it.
"use strict";
(() => {
  const byID = id => document.getElementById(id);
  for (const e of document.querySelectorAll("[data-script]")) e.hidden = false;

  // ---- what is marked is seen, however narrow the window

  function reveal(within = document) {
    for (const box of within.querySelectorAll(".lines")) {
      const mark = box.querySelector("mark");
      if (!mark || !box.clientWidth) continue;
      const room = box.getBoundingClientRect(), at = mark.getBoundingClientRect(), numbers = box.querySelector("th").offsetWidth;
      const left = at.left - room.left + box.scrollLeft - numbers, right = left + at.width; // within the code
      const wide = room.width - numbers;
      if (at.left >= room.left + numbers && at.right <= room.right - 16) continue;
      box.scrollLeft = right <= wide - 16 ? 0 : Math.max(0, Math.min(left - 16, right - wide + Math.max(16, (wide - at.width) / 2)));
    }
  }
  reveal();
  document.addEventListener("fault-mark", () => reveal());
  document.addEventListener("toggle", e => { if (e.target.open) reveal(e.target); }, true);

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
    "Neovim": p => `nvim://open?url=file://${p.path}&line=${p.line}&column=${p.column}`,
    "Emacs": p => `emacs://open?url=file://${p.path}&line=${p.line}&column=${p.column}`,
  };
  const choice = byID("editor");
  const key = "fault run editor";
  function read(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }
  function write(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch { /* it holds for this page only */ }
  }

  // mapped is where the editor has a file that in a container lies elsewhere: "/app=/home/susan/microblog; /go=…".
  const paths = byID("paths");
  function mapped(path) {
    const pairs = (paths?.value ?? "").split(";").map(p => p.split("=").map(t => t.trim().replace(/[\\/]+$/, "")));
    const fitting = pairs.filter(([from, to]) => from && to && (path === from || path.startsWith(from + "/"))).sort((a, b) => b[0].length - a[0].length)[0];
    return fitting ? fitting[1] + path.slice(fitting[0].length) : path;
  }
  function point() {
    const address = editors[choice.value];
    for (const a of document.querySelectorAll("a[data-path]")) {
      const { line, column } = a.dataset;
      const path = mapped(a.dataset.path);
      const parts = (path.startsWith("/") ? path : "/" + path.replaceAll("\\", "/")).split("/").map(encodeURIComponent);
      if (/^[a-z]%3A$/i.test(parts[1])) parts[1] = parts[1][0] + ":";
      const place = line > 0 ? `:${line}` + (column > 0 ? `:${column}` : "") : "";
      a.href = address({ path: parts.join("/"), whole: encodeURIComponent(path), at: place, line: Math.max(line, 1), column: Math.max(column, 1) });
    }
  }
  if (choice) {
    for (const name of Object.keys(editors)) choice.append(new Option(name, name));
    if (Object.hasOwn(editors, read(key) ?? "")) choice.value = read(key);
    choice.addEventListener("change", () => {
      write(key, choice.value);
      point();
    });
    if (paths) {
      paths.value = read("fault run paths") ?? "";
      paths.closest("details").open = !!paths.value;
      paths.addEventListener("input", () => {
        write("fault run paths", paths.value.trim());
        point();
      });
    }
    point();
    document.addEventListener("fault-places", point); // there are more of them
  }

  let around = null; // the frame in a page of the application
  try {
    around = window.frameElement;
  } catch { /* it is another site's */ }

  // ---- the debugger, which comes up over the page of a failure

  const place = byID("debugger");
  if (place?.dataset.frame) {
    const address = new URL(place.dataset.frame);
    const frame = Object.assign(document.createElement("iframe"), { className: "over", title: "Debugger", allow: "clipboard-write", src: address.href });
    const others = () => [...document.body.children].filter(e => e !== frame);
    const link = byID("to-debugger");
    let here = false;
    const show = is => {
      frame.classList.toggle("here", is);
      document.documentElement.classList.toggle("beneath", is);
      for (const e of others()) e.inert = is;
      if (is) {
        frame.focus();
      } else {
        link?.focus();
        document.dispatchEvent(new Event("fault-plain")); // What it has missed meanwhile may be made up for.
      }
    };
    const late = setTimeout(() => {
      place.hidden = false;
      place.className = "hint";
      place.textContent = `The debugger at ${address.host} did not come up here. It may come up in a tab of its own, by the button above; otherwise the port ${address.port || "of its address"} is not reached from this browser, and has to be forwarded.`;
    }, 1500);
    addEventListener("message", e => {
      if (e.source !== frame.contentWindow || e.origin !== address.origin) return;
      if (e.data === "fault: here") {
        clearTimeout(late);
        place.hidden = true;
        if (!here) show(true); // A page to which the reader went in the frame is no reason to come up again.
        here = true;
        if (around && byID("aside")) frame.contentWindow.postMessage("fault: may close", address.origin);
      } else if (e.data === "fault: aside") {
        show(false);
      } else if (e.data === "fault: close") {
        byID("aside")?.click();
      } else if (e.data === "fault: used") {
        frame.dataset.used = "1"; // A new version does not take it away unasked.
      }
    });
    link?.addEventListener("click", e => {
      if (!here || e.ctrlKey || e.metaKey || e.shiftKey) return;
      e.preventDefault();
      show(true);
    });
    document.body.append(frame);
  }

  // ---- in a page of the application: it is put aside with a click or the Escape key

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
