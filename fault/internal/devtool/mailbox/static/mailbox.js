// Shows new mails without a click: waits for a change, then takes the list anew from the server.
"use strict";
(() => {
  let revision = document.body.dataset.revision;
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  const pause = ms => new Promise(done => setTimeout(done, ms));

  async function refresh() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = [...live.querySelectorAll("details")].map(d => d.open);
    const focused = live.contains(document.activeElement) && document.activeElement.getAttribute("href");
    live.replaceChildren(...page.getElementById("live").childNodes);
    live.querySelectorAll("details").forEach((d, i) => { d.open = open[i] ?? d.open; });
    if (focused) live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    revision = page.body.dataset.revision;
  }

  async function watch() {
    const arrived = Number(document.body.dataset.arrived);
    for (;;) {
      try {
        const answer = await fetch(`/api/state?since=${revision}&wait=25s`);
        if (!answer.ok) throw new Error(answer.status);
        const state = await answer.json();
        if (String(state.revision) === String(revision)) continue;
        if (live) {
          await refresh();
        } else {
          const fresh = state.arrived - arrived;
          if (fresh > 0) news.textContent = fresh === 1 ? "1 new mail" : `${fresh} new mails`;
          revision = state.revision;
        }
        await pause(250); // a storm of mails is not a storm of requests
      } catch {
        await pause(2000); // the server has gone; perhaps it comes back
        revision = "";
      }
    }
  }
  watch();
})();
