// What surrounds every page: theme, links between pages, the loading screen, and the goodbye to the kernel.
(() => {
  const SLOW_MS = 25000;
  const LOST_MS = 90000;
  const WATCH_MS = 15000;
  const byId = (name) => document.getElementById(name);

  function say(title, share, note) {
    if (byId("mmp-loading-title")) {
      byId("mmp-loading-title").textContent = title;
      byId("mmp-loading-bar").value = Math.max(byId("mmp-loading-bar").value, share);
      if (note !== undefined) byId("mmp-loading-note").textContent = note;
    }
  }

  function reveal() {
    if (document.body.classList.contains("mmp-ready")) return;
    document.body.classList.add("mmp-ready");
    byId("mmp-loading")?.remove();
    performance.mark("mmp-ready");
  }

  function fail(title, note) {
    const loading = byId("mmp-loading");
    if (!loading) return;
    loading.classList.add("mmp-loading-failed");
    say(title, 100, note);
    byId("mmp-reload").hidden = false;
  }

  let moved = Date.now(); // when the page last came nearer
  function step(title, share) {
    moved = Date.now();
    say(title, share);
  }

  function settled() {
    const cells = byId("mmp-cells");
    if (cells?.querySelector("[data-mm-failed]")) {
      reveal();
    } else if (cells?.querySelector(".mmp-page")) {
      requestAnimationFrame(reveal);
    } else if (Date.now() - moved > LOST_MS) {
      fail("The page did not come up.", "Its Python may have ended. Try again.");
      setTimeout(settled, 1000); // it may still come
    } else {
      if (Date.now() - moved > SLOW_MS) say("Focusing …", 90, "This takes longer than usual; the computer is busy.");
      setTimeout(settled, 60);
    }
  }

  // A laptop that slept, a server that was stopped: say so, and offer to come back. The address holds what was shown.
  function watch(address) {
    const look = async () => {
      if (document.hidden) return;
      let words = "";
      try {
        const answer = await fetch(address, { cache: "no-store" });
        if (answer.status === 410) words = "The Python behind this page has ended.";
      } catch (unreachable) {
        words = "The dashboard does not answer.";
      }
      let note = byId("mmp-gone");
      if (!words) {
        note?.remove();
        return;
      }
      if (!note) {
        note = document.createElement("div");
        note.id = "mmp-gone";
        note.className = "mmp-gone";
        note.setAttribute("role", "alert");
        document.body.append(note);
      }
      const again = document.createElement("a");
      again.href = location.href;
      again.textContent = "Reload";
      note.replaceChildren(words, again);
    };
    document.addEventListener("visibilitychange", look);
    setInterval(look, WATCH_MS);
  }

  window.mmPage = {
    bar() {
      wireTheme();
      wireLinks();
      showActive();
      window.addEventListener("resize", showActive);
      if (document.body.dataset.page) settled();
    },
    kernel(kernelId, baseUrl) {
      step("Placing the slide …", 30);
      watch(`${baseUrl}pulse/${kernelId}`);
      let said = false;
      window.addEventListener("pagehide", () => {
        if (!said) navigator.sendBeacon(`${baseUrl}voila/api/shutdown/${kernelId}`);
        said = true;
      });
    },
    cell(index, count) {
      step("Placing the slide …", 30 + (35 * index) / count);
    },
    written() {
      step("Focusing …", 70);
    },
  };
  // anywidget gives a widget two seconds to start. A busy computer or an old phone needs longer, and the page would stand
  // there without its viewer.
  const WIDGET_MS = 2000;
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = (ms) => timeout(ms === WIDGET_MS ? LOST_MS : ms);

  // names that Voilà's own template gives; its front end may call them
  window.voila_heartbeat = () => {};
  window.voila_process = () => {};
  window.voila_finish = () => {};

  // a page that comes back from the browser's memory has lost its kernel
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  function wireTheme() {
    const button = byId("mmp-theme");
    const root = document.documentElement;
    const show = () => button.setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
    button.addEventListener("click", () => {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("mmp-theme", root.dataset.theme);
      } catch (refused) {
        // a private window: the choice lasts as long as the page
      }
      show();
      window.dispatchEvent(new Event("mmp-theme"));
    });
    show();
  }

  // on a phone the row of pages is wider than the screen: the page that is open is the one to see
  function showActive() {
    const row = document.querySelector(".mmp-bar nav");
    const active = row?.querySelector("[aria-current]");
    if (!active) return;
    const from = row.getBoundingClientRect();
    const to = active.getBoundingClientRect();
    row.scrollLeft += to.left + to.width / 2 - (from.left + from.width / 2);
  }

  function wireLinks() {
    // the slide stays under the microscope when one goes from page to page
    for (const link of document.querySelectorAll(".mmp-bar nav a")) {
      link.addEventListener("click", () => {
        const source = new URLSearchParams(location.search).get("s");
        if (source && link.dataset.page !== "index") link.search = `?${new URLSearchParams({ s: source })}`;
      });
    }
  }

})();
