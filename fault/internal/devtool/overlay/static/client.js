// Follows `fault run` in a tab: loads the page again when there is a new version, exchanges stylesheets, shows what is
// wrong. It runs in every page of the application and leaves it alone: no globals, no style that leaks, no message to the
// page's own listeners, and without a connection nothing happens.
"use strict";
(() => {
  const script = document.currentScript;
  if (!script || !script.src) return;
  const own = new URL(script.src);
  const base = new URL(".", own);
  const data = { ...script.dataset };
  const { WebSocket, setTimeout, clearTimeout, fetch } = window;
  const seal = Symbol.for("fault run");

  // ---- the connection

  // follow calls receive with each event, and lost when there was a connection and there is none any more. It ends by
  // itself where the page's policy forbids it.
  function follow(receive, lost) {
    const address = new URL("events", base);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    let socket = null, timer = 0, pause = 250, stopped = false, away = false, known = false;

    function open() {
      clearTimeout(timer);
      if (socket || stopped || away) return;
      let mine;
      try {
        mine = socket = new WebSocket(address);
      } catch {
        stopped = true;
        return;
      }
      mine.addEventListener("open", () => {
        pause = 250;
        known = true;
      });
      mine.addEventListener("message", e => {
        if (socket !== mine) return;
        let event;
        try {
          event = JSON.parse(e.data);
        } catch {
          return; // it is not from `fault run`
        }
        if (event) receive(event);
      });
      mine.addEventListener("close", () => {
        if (socket !== mine) return;
        socket = null;
        if (stopped || away) return;
        if (known) lost();
        timer = setTimeout(open, pause * (0.75 + Math.random() / 2));
        pause = Math.min(pause * 1.6, document.hidden || !known ? 30000 : 3000);
      });
    }
    function soon() {
      if (document.hidden) return;
      pause = 250;
      open();
    }
    addEventListener("pagehide", () => { // An open connection would keep the page out of the back-forward cache.
      away = true;
      clearTimeout(timer);
      const last = socket;
      socket = null;
      last?.close();
    });
    addEventListener("pageshow", e => {
      away = false;
      if (e.persisted) open();
    });
    addEventListener("online", soon);
    document.addEventListener("visibilitychange", soon);
    document.addEventListener("securitypolicyviolation", e => {
      if (e.effectiveDirective === "connect-src" && e.blockedURI.startsWith(address.origin)) stopped = true;
    });
    if (document.prerendering) document.addEventListener("prerenderingchange", open, { once: true });
    else open();
  }

  // ---- what is put over a page

  const sheet = `
    :host { all: initial !important; display: block !important; color-scheme: light dark !important; }
    dialog { position: fixed; inset: 0; box-sizing: border-box; width: 100vw; height: 100vh; height: 100dvh; max-width: none; max-height: none;
      margin: 0; padding: 0; border: 0; overflow: hidden; overscroll-behavior: contain; background: light-dark(#f7f5f1, #161411); }
    dialog:focus { outline: none; }
    iframe { position: absolute; inset: 0; width: 100%; height: 100%; border: 0; }
    section { position: fixed; inset: auto 1rem 1rem auto; z-index: 2147483647; box-sizing: border-box; display: grid; gap: .5rem; width: min(26rem, calc(100vw - 2rem));
      margin: 0; padding: 0; border: 0; overflow: visible; background: none; }
    section:empty { display: none; }
    div { padding: .75rem 1rem; font: 14px/1.45 system-ui, sans-serif; color: light-dark(#211c16, #efe9e0); background: light-dark(#ffffff, #201d19);
      border: 1px solid light-dark(#e3ddd3, #38322b); border-inline-start: 4px solid light-dark(#8a4b12, #f0b070); border-radius: 8px;
      box-shadow: 0 4px 24px light-dark(#3a2a1626, #00000080); }
    .bad { border-inline-start-color: light-dark(#8c2f14, #ffb399); }
    p { margin: 0; overflow-wrap: anywhere; max-height: 8.7em; overflow: hidden; }
    nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-top: .4rem; }
    a, button { margin: 0; padding: .15rem 0; border: 0; background: none; cursor: pointer; font: inherit; font-weight: 600; color: light-dark(#8a4b12, #f0b070); text-decoration: underline; text-underline-offset: .18em; }
    a:hover, button:hover { color: light-dark(#6a370a, #ffcb97); }
    :focus-visible { outline: 3px solid light-dark(#8a4b12, #f0b070); outline-offset: 2px; border-radius: 3px; }
    @media (prefers-reduced-motion: no-preference) { div, dialog { animation: in .12s ease-out; } }
    @keyframes in { from { opacity: 0; } }`;
  let host = null, root = null, corner = null;

  function element(name, properties, ...children) {
    const e = document.createElementNS("http://www.w3.org/1999/xhtml", name);
    Object.assign(e, properties);
    e.append(...children);
    return e;
  }

  // stage returns the place for everything that is shown, in a shadow tree of its own.
  function stage() {
    if (!root) {
      host = element("fault-run");
      root = host.attachShadow({ mode: "closed" });
      const style = new CSSStyleSheet();
      style.replaceSync(sheet);
      root.adoptedStyleSheets = [style];
      corner = element("section");
      corner.setAttribute("role", "status");
      root.append(corner);
    }
    if (!host.isConnected) (document.documentElement || document).append(host);
    return root;
  }

  // card shows a note in the corner; the same key takes the place of an earlier one.
  const cards = new Map();
  function card(key, text, bad, ...actions) {
    stage();
    dismiss(key);
    const box = element("div", { className: bad ? "bad" : "" }, element("p", { textContent: text }), element("nav", {}, ...actions));
    cards.set(key, box);
    corner.append(box);
    if ("popover" in corner) {
      corner.popover = "manual";
      try {
        corner.hidePopover(); // and shown again it is above whatever came since
        corner.showPopover();
      } catch { /* the page is not active */ }
    }
  }
  function dismiss(key) {
    cards.get(key)?.remove();
    cards.delete(key);
  }
  const button = (text, act) => element("button", { type: "button", textContent: text, onclick: act });
  const link = (text, path, act) => element("a", { href: new URL(path, base).href, target: "_blank", rel: "noopener", textContent: text, onclick: act });

  // over shows a page of ours over the whole page. mayClose is asked before it goes by the Escape key, closed is
  // called when its reader has put it aside, failed when the page's policy keeps it from being shown.
  function over(path, mayClose, closed, failed) {
    const dialog = element("dialog");
    dialog.setAttribute("aria-label", "fault run");
    let frame = null, gone = false, timer = 0;
    function hide() {
      if (gone) return;
      gone = true;
      clearTimeout(timer);
      dialog.close();
      dialog.remove();
    }
    function load(to) {
      const old = frame;
      frame = element("iframe", { src: new URL(to, base).href, title: "fault run" });
      const mine = frame;
      clearTimeout(timer);
      timer = setTimeout(() => {
        hide();
        failed();
      }, 5000);
      mine.addEventListener("fault-ready", () => {
        if (mine !== frame) return;
        clearTimeout(timer);
        old?.remove();
        if (!gone && dialog.open) mine.focus();
      });
      mine.addEventListener("fault-aside", () => {
        hide();
        closed();
      });
      dialog.append(mine);
    }
    function ask() { // The frame knows whether it can be put aside, and tells the server.
      if (!mayClose()) return;
      frame.contentWindow?.dispatchEvent(new Event("fault-close"));
      setTimeout(() => {
        if (gone) return;
        hide();
        closed();
      }, 300);
    }
    dialog.addEventListener("cancel", e => {
      e.preventDefault();
      ask();
    });
    dialog.addEventListener("close", () => { // A browser may insist on closing it.
      if (gone) return;
      if (mayClose()) ask();
      else dialog.showModal();
    });
    stage().append(dialog);
    load(path);
    dialog.showModal();
    return { hide, load };
  }

  // stateOf tells apart what a page about a problem says.
  const stateOf = p => [p.id, !!p.served, !!p.newest].join();

  const parsed = then => document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", then, { once: true }) : then();

  // ---- a page of the application that broke off

  const failure = own.searchParams.get("failure");
  if (failure !== null) {
    const path = "failures/" + encodeURIComponent(failure);
    // At once: a page that is cut off may never be parsed to its end.
    over(path + "?framed=1", () => true, () => {}, () => card("failure", "This page broke off, because it failed.", true, link("Show the failure", path)));
    return;
  }
  if (document[seal]) return; // A script of the application has put it in a second time.
  Object.defineProperty(document, seal, { value: true });

  if (data.page) followPage();
  else followApplication();

  // ---- the pages of `fault run`, which go away by themselves

  function followPage() {
    const { page, state, to, method, framed } = data;
    const status = () => document.getElementById("status");
    let usual = null;
    function say(text) {
      const s = status();
      if (!s) return;
      usual ??= s.textContent;
      s.textContent = text || usual;
      s.classList.toggle("busy", !!text);
    }
    const doing = text => text ? text[0].toUpperCase() + text.slice(1) + "…" : "";
    function reload() {
      if (looking()) document.addEventListener("fault-plain", reload, { once: true });
      else location.reload();
    }
    const looking = () => !!document.querySelector("iframe.over.here"); // at the debugger
    function go() {
      if (framed) return; // The page around it does that.
      if (looking()) return document.addEventListener("fault-plain", go, { once: true });
      if (method) {
        say("It is mended. Load this page again to send what was sent before.");
        return;
      }
      if (to) location.replace(to);
      else location.reload();
    }
    function changed(p) {
      say("");
      // Where the newest version serves, this page answers the request that ended its process: it is not sent once more.
      if (p.newest && state?.startsWith(p.id + ",")) return;
      if (state !== stateOf(p) && !framed && !method) reload();
    }
    parsed(() => follow(e => {
      switch (e.type) {
        case "hello":
          say(doing(e.doing));
          if (page === "problem" && !e.problem) go();
          else if (e.problem && page !== "overview") changed(e.problem);
          break;
        case "doing":
          say(doing(e.doing));
          break;
        case "problem":
          changed(e.problem);
          break;
        case "mended":
          if (page !== "overview") go();
          else location.reload();
          break;
        case "reload": // A mistake may go on to be shown beside the newest version.
        case "failure":
          if (page === "overview") location.reload();
          break;
      }
    }, () => say("No word from `fault run`. It may have been stopped.")));
  }

  // ---- the pages of the application

  function followApplication() {
    const page = { run: own.searchParams.get("r"), generation: own.searchParams.get("g"), method: own.searchParams.get("m") };
    let stale = false, reloading = false, failures = 0;
    let problem = null, aside = "", shown = null, shownID = "", shownState = "";

    // A frame leaves to the page around it what concerns both.
    function inner() {
      if (window === window.top) return false;
      try {
        return !!window.top.document[seal];
      } catch {
        return false; // it is another site's
      }
    }

    function settle() {
      if (inner()) return;
      const open = problem && problem.id !== aside && !problem.aside;
      if (open) show(problem);
      else hide();
      if (problem && !open && !problem.newest) {
        card("aside", problem.title + ". This is the last good version.", true, button("Show", () => {
          aside = "";
          problem.aside = false;
          dismiss("aside");
          settle();
        }), button("Hide", () => dismiss("aside")));
      } else {
        dismiss("aside");
      }
      if (stale && !(open && !problem.newest)) reload();
    }

    function show(p) {
      const state = stateOf(p);
      if (shown && shownState === state) return;
      const path = "problem?framed=1&id=" + encodeURIComponent(p.id);
      shownID = p.id;
      shownState = state;
      if (shown) {
        shown.load(path);
        return;
      }
      shown = over(path, () => problem && (problem.served || problem.newest), () => {
        shown = null;
        aside = shownID;
        settle();
      }, () => { // The page's policy forbids frames, so it is told in words.
        shown = null;
        aside = shownID;
        card("problem", p.title, true, link("Show", "problem"), button("Dismiss", () => dismiss("problem")));
      });
    }
    function hide() {
      dismiss("problem");
      shown?.hide();
      shown = null;
    }

    function reload() {
      if (reloading) return;
      if (page.method) {
        ask("A new version is running. To load this page again is to send the form a second time.", "Send it again");
      } else if (inputs.unsaved()) {
        ask("A new version is running. What you have typed here would be lost.", "Reload");
      } else {
        now();
      }
    }
    function ask(text, label) {
      card("reload", text, false, button(label, now), button("Keep this page", () => {
        stale = false;
        dismiss("reload");
      }));
    }
    function now() {
      reloading = true;
      dismiss("reload");
      location.reload();
      // Still here: the application has asked, before the page went, and its user stayed.
      setTimeout(() => {
        reloading = false;
        ask("A new version is running.", "Reload");
      }, 5000);
    }

    // compare finds out whether the page is of another version than what answers now. One that was loaded again for this
    // and still is comes from a cache, such as a service worker's.
    function compare(e) {
      const target = e.run + " " + e.generation, key = "fault run";
      try {
        if (e.run === page.run && String(e.generation) === page.generation) {
          sessionStorage.removeItem(key);
        } else if (!stale && sessionStorage.getItem(key) === target) {
          card("reload", "This page is an old one. A cache or a service worker of the application keeps it.", false, button("Reload", now), button("Keep this page", () => dismiss("reload")));
        } else {
          sessionStorage.setItem(key, target);
          stale = true;
        }
      } catch { /* Without a memory nothing is loaded over and over. */ }
    }

    const inputs = watchInputs();
    const receive = e => {
      switch (e.type) {
        case "hello":
          page.run ??= e.run;
          if (e.generation > 0) page.generation ??= String(e.generation);
          problem = e.problem ?? null;
          if (e.generation > 0) compare(e);
          settle();
          break;
        case "reload":
          stale = true;
          settle();
          break;
        case "problem":
          problem = e.problem;
          settle();
          break;
        case "mended":
          problem = null;
          aside = "";
          settle();
          break;
        case "style":
          restyle(e.files ?? []).catch(() => {
            stale = true;
            settle();
          });
          break;
        case "failure":
          if (inner()) break;
          failures++;
          card("failure", (failures > 1 ? failures + " requests have failed, the last: " : "A request has failed: ") + e.title, true,
            link("Show", "failures/" + encodeURIComponent(e.id)), button("Dismiss", () => {
              failures = 0;
              dismiss("failure");
            }));
          break;
      }
    };
    const early = [];
    let ready = false;
    parsed(() => {
      ready = true;
      early.splice(0).forEach(receive);
    });
    follow(e => ready ? receive(e) : early.push(e), () => {});
  }

  // ---- what was typed

  // watchInputs remembers what each field held before its user came to it. What scripts put into fields does not count.
  function watchInputs() {
    const before = new Map();
    function state(e) {
      switch (e.localName) {
        case "select":
          return [...e.options].map(o => o.selected ? "1" : "0").join("");
        case "input":
          if (e.type === "checkbox" || e.type === "radio") return String(e.checked);
          if (e.type === "file") return String(e.files.length);
          return e.value;
        case "textarea":
          return e.value;
      }
      return e.isContentEditable ? e.textContent : null;
    }
    function usual(e) { // The state by the document.
      switch (e.localName) {
        case "select": {
          const marks = [...e.options].map(o => o.defaultSelected ? "1" : "0").join("");
          return e.multiple || marks.includes("1") ? marks : marks.replace("0", "1");
        }
        case "input":
          if (e.type === "checkbox" || e.type === "radio") return String(e.defaultChecked);
          if (e.type === "file") return "0";
          return e.defaultValue;
        case "textarea":
          return e.defaultValue;
      }
      return "";
    }
    const field = e => {
      const target = e.composedPath()[0];
      return e.isTrusted && target instanceof Element && state(target) !== null ? target : null;
    };
    function seen(e) {
      const target = field(e);
      if (target && !before.has(target)) before.set(target, { value: state(target), changed: false });
    }
    function changed(e) {
      const target = field(e);
      if (!target) return;
      if (!before.has(target)) before.set(target, { value: usual(target), changed: false });
      before.get(target).changed = true;
      if (before.size > 500) before.forEach((_, old) => old.isConnected || before.delete(old));
    }
    const options = { capture: true, passive: true };
    for (const type of ["focusin", "pointerdown", "beforeinput"]) addEventListener(type, seen, options);
    for (const type of ["input", "change"]) addEventListener(type, changed, options);

    function inFrames(from) {
      for (let i = 0; i < from.length; i++) {
        try {
          for (const e of from[i].document.querySelectorAll("input:not([type=hidden]), textarea, select")) {
            if (state(e) !== usual(e)) return true;
          }
          if (inFrames(from[i])) return true;
        } catch { /* it is another site's */ }
      }
      return false;
    }
    return {
      unsaved() {
        for (const [e, was] of before) {
          if (was.changed && e.isConnected && state(e) !== was.value) return true;
        }
        return inFrames(window) || !!document.querySelector("iframe.over.here[data-used]"); // the debugger's
      },
    };
  }

  // ---- stylesheets

  // matches tells whether an address is that of a file, whose name may have got a hash of its content.
  function matches(address, file) {
    const name = decodeURIComponent(address.pathname.split("/").pop());
    if (name === file) return true;
    const dot = file.lastIndexOf(".");
    const stem = file.slice(0, dot), ending = file.slice(dot);
    return name.startsWith(stem) && name.endsWith(ending) && /^[.-][\w-]{4,}(\.min)?$/.test(name.slice(stem.length, name.length - ending.length));
  }

  // imports returns the stylesheets of this site that one imports, and those that they import.
  function imports(from, depth = 0) {
    const all = [];
    try {
      for (const rule of from.cssRules) {
        if (!(rule instanceof CSSImportRule) || !rule.styleSheet || depth > 8) continue;
        const address = new URL(rule.styleSheet.href);
        if (address.origin === location.origin) all.push(address);
        all.push(...imports(rule.styleSheet, depth + 1));
      }
    } catch { /* it is another site's */ }
    return all;
  }

  let styling = Promise.resolve();
  let count = 0;
  // restyle exchanges the stylesheets that come from files; it fails where the page has to be loaded again.
  function restyle(paths) {
    const done = styling.then(async () => {
      const names = paths.map(p => p.split(/[\\/]/).pop());
      const all = [...document.querySelectorAll("link[rel~=stylesheet][href]")].filter(l => {
        const address = new URL(l.href);
        return !l.disabled && !l.relList.contains("alternate") && address.origin === location.origin && /^https?:$/.test(address.protocol);
      });
      let wanted = all.filter(l => names.some(n => matches(new URL(l.href), n)));
      const importing = all.filter(l => imports(l.sheet).some(a => names.some(n => matches(a, n))));
      for (const l of importing) {
        for (const a of imports(l.sheet)) {
          if (!names.some(n => matches(a, n))) continue;
          const answer = await fetch(a, { cache: "reload" }); // The next import takes it from the browser's cache.
          if (!answer.ok) throw new Error("an imported stylesheet is gone");
        }
      }
      wanted = [...new Set([...wanted, ...importing])];
      if (wanted.length === 0) wanted = all; // One stylesheet may be made of many files.
      if (wanted.length === 0) throw new Error("the page has no stylesheet");
      await Promise.all(wanted.map(exchange));
    });
    styling = done.catch(() => {});
    return done;
  }

  // exchange loads a stylesheet anew beside the old one, and then takes the old one away.
  function exchange(old) {
    return new Promise((resolve, reject) => {
      const address = new URL(old.href);
      address.searchParams.set("fault-run", Date.now().toString(36) + (count++).toString(36));
      const fresh = old.cloneNode();
      fresh.removeAttribute("integrity"); // It was that of the old content.
      fresh.nonce = old.nonce;
      const had = !!old.sheet;
      const fail = () => {
        clearTimeout(timer);
        fresh.remove();
        if (had) reject(new Error("the stylesheet does not load"));
        else resolve(); // It did not before either.
      };
      const timer = setTimeout(fail, 5000);
      fresh.onload = () => {
        clearTimeout(timer);
        fresh.onload = fresh.onerror = null;
        old.remove();
        resolve();
      };
      fresh.onerror = fail;
      fresh.href = address.href;
      old.after(fresh);
    });
  }
})();
