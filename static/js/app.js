// What HTML cannot do by itself. Every page works without it.
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const body = document.body;

  // --- theme -------------------------------------------------------------------------------------
  const THEMES = ["auto", "light", "dark"];
  const themeButton = $("[data-theme-switch]");

  function showTheme() {
    const theme = document.documentElement.dataset.themeChosen || "auto";
    themeButton.setAttribute("aria-label", themeButton.dataset[theme]);
    themeButton.title = themeButton.dataset[theme];
    $$("[data-theme-icon]", themeButton).forEach((icon) => {
      icon.toggleAttribute("hidden", icon.dataset.themeIcon !== theme);
    });
  }

  if (themeButton) {
    themeButton.hidden = false;
    showTheme();
    themeButton.addEventListener("click", () => {
      const now = document.documentElement.dataset.themeChosen || "auto";
      try {
        localStorage.setItem("certdash.theme", THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
      } catch {
        return;
      }
      dispatchEvent(new Event("certdash:theme"));
      showTheme();
    });
  }

  // A theme chosen in the profile counts in this browser too, whatever its switch said before.
  document.addEventListener("submit", (event) => {
    const theme = event.target.elements.namedItem("theme");
    if (!theme?.selectedOptions || theme.selectedOptions[0]?.defaultSelected) return;
    try {
      localStorage.removeItem("certdash.theme");
    } catch {
      // Without storage there is no switch to forget.
    }
  });

  // --- dialogs: opened by buttons here and by events from the server -------------------------------
  const modal = $("#modal");
  document.addEventListener("modal:open", () => modal && !modal.open && modal.showModal());
  document.addEventListener("modal:close", () => modal && modal.close());
  // What is asked for into the dialog opens it; a list behind it shows what was saved there.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (modal && event.detail.target?.id === "modal-body" && !modal.open) modal.showModal();
  });
  modal?.addEventListener("close", () => {
    const results = $("#results");
    const saved = $("[role=status]", modal);
    $("#modal-body").replaceChildren();
    // The row that had the focus has it again, also after its list was asked for anew.
    const row = $("[data-row-link]", document.activeElement.closest("tr") || modal)?.getAttribute("href");
    if (!results || !saved) return;
    htmx.ajax("GET", location.href, { target: results, swap: "outerHTML show:none" }).then(() => {
      $$("[data-row-link]").find((link) => link.getAttribute("href") === row)?.focus();
    });
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) $(`#${opener.dataset.dialog}`)?.showModal();
    const closer = event.target.closest("[data-close]");
    closer?.closest("dialog")?.close();
    closer?.closest(".notice")?.remove();
    $$("details.menu[open]").forEach((menu) => menu.contains(event.target) || menu.removeAttribute("open"));
  });

  // --- confirmation: hx-confirm asks in our dialog, and may want a word typed ----------------------
  const confirmation = $("#confirm");
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question || !confirmation) return;
    event.preventDefault();
    ask(event.detail.elt, event.detail.question, () => event.detail.issueRequest(true));
  });

  // The same for plain forms and links: data-confirm="What happens, to how many".
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.confirm || form.dataset.confirmed || !confirmation) return;
    event.preventDefault();
    ask(form, form.dataset.confirm, () => {
      // A live part of the page may have replaced the form while the dialog was open.
      if (!form.isConnected) {
        form.hidden = true;
        body.append(form);
      }
      form.dataset.confirmed = "yes";
      form.requestSubmit(event.submitter);
    });
  });

  function ask(source, question, go) {
    const { confirmTitle, confirmButton, confirmStay, confirmWord } = source.dataset;
    const field = $("[data-confirm-word]", confirmation);
    const input = $("input", field);
    const button = $("[data-confirm-go]", confirmation);
    $("h2", confirmation).textContent = confirmTitle || $("h2", confirmation).dataset.default;
    $("[data-confirm-text]", confirmation).textContent = question;
    button.textContent = confirmButton || button.dataset.default;
    const stay = $("[data-confirm-not]", confirmation);
    stay.textContent = confirmStay || stay.dataset.default;
    field.hidden = !confirmWord;
    $("b", field).textContent = confirmWord || "";
    input.value = "";
    const check = () => (button.disabled = Boolean(confirmWord) && input.value !== confirmWord);
    input.oninput = check;
    check();
    confirmation.onclose = () => confirmation.returnValue === "go" && go();
    confirmation.returnValue = "";
    confirmation.showModal();
  }

  // --- notices: errors of htmx requests stay until closed and carry the request id -----------------
  function complain(key, requestId) {
    const notice = $("#notice-error").content.cloneNode(true);
    const words = $("[data-words]", notice);
    words.textContent = words.dataset[key];
    if (requestId) {
      $("code", notice).textContent = requestId;
      $("[data-request-id]", notice).hidden = false;
    }
    $("#alerts").append(notice);
  }

  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    complain(xhr.status === 403 ? "forbidden" : "failed", xhr.getResponseHeader("X-Request-ID"));
  });
  ["htmx:sendError", "htmx:timeout"].forEach((name) => {
    document.addEventListener(name, () => complain("unreachable", ""));
  });

  // --- copy -----------------------------------------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = button.dataset.copy || $(button.dataset.copyFrom)?.textContent.trim() || "";
    await copy(text);
    $("#announce").textContent = button.dataset.copied || "";
    button.classList.add("tone-ok");
    setTimeout(() => button.classList.remove("tone-ok"), 1500);
  });

  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Over plain HTTP a browser lends no clipboard; the older way works there, too.
    const area = document.createElement("textarea");
    area.value = text;
    body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }

  // --- times: "2 min ago" must not go stale on an open page ----------------------------------------
  const words = JSON.parse(body.dataset.times || "{}");
  const shift = Date.parse(body.dataset.now || "") - Date.now() || 0; // the server's clock decides

  function relative(then, unit) {
    const seconds = (Date.now() + shift - then) / 1000;
    const span = Math.abs(seconds);
    const side = `${unit}_${seconds >= 0 ? "past" : "future"}`;
    if (span < 45) return words.now;
    if (span < 90 * 60) return fill(`${side}_minutes`, Math.max(1, Math.floor(span / 60)));
    if (span < 48 * 3600) return fill(`${side}_hours`, Math.floor(span / 3600));
    const year = 365.2425 * 86400;
    if (span >= 2 * year) return fill(`${side}_years`, Math.floor(span / year));
    return fill(`${side}_days`, Math.floor(span / 86400));
  }

  function fill(key, number) {
    return words[key]?.replace("{n}", number);
  }

  function refreshTimes() {
    $$("time[data-relative]").forEach((time) => {
      const text = relative(Date.parse(time.dateTime), time.dataset.relative);
      if (text && text !== time.textContent) time.textContent = text;
    });
  }
  setInterval(refreshTimes, 20000);
  document.addEventListener("visibilitychange", () => document.hidden || refreshTimes());

  // --- passkeys: browsers tie them to a name and refuse them at a bare address ------------------------
  if (/^[\d.]+$|^\[/.test(location.hostname)) {
    $$("[data-needs-name]").forEach((button) => {
      const hint = document.createElement("p");
      hint.className = "hint";
      hint.textContent = button.dataset.needsName;
      button.disabled = true;
      button.after(hint);
    });
  }

  // --- ticked rows: how many, all of this page, and ranges with Shift --------------------------------
  let lastTicked = null;

  function showTicked() {
    const words = $("[data-ticked]");
    const ticks = $$("[data-tick]");
    const ticked = ticks.filter((tick) => tick.checked).length;
    if (words) words.textContent = words.dataset.tickedWords.replace("{n}", ticked);
    const all = $("[data-tick-all]");
    if (!all) return;
    all.hidden = false;
    all.checked = ticked > 0 && ticked === ticks.length;
    all.indeterminate = ticked > 0 && ticked < ticks.length;
  }

  document.addEventListener("click", (event) => {
    const tick = event.target.closest("[data-tick]");
    const ticks = $$("[data-tick]");
    if (tick && event.shiftKey && ticks.includes(lastTicked)) {
      const [from, to] = [ticks.indexOf(lastTicked), ticks.indexOf(tick)].sort((a, b) => a - b);
      ticks.slice(from, to + 1).forEach((each) => (each.checked = tick.checked));
    }
    if (tick) lastTicked = tick;
    if (event.target.closest("[data-tick-all]")) ticks.forEach((each) => (each.checked = event.target.checked));
    if (tick || event.target.closest("[data-tick-all]")) showTicked();
  });
  document.addEventListener("htmx:afterSettle", showTicked);
  document.addEventListener("reset", () => setTimeout(showTicked));
  showTicked();

  // --- keys -----------------------------------------------------------------------------------------
  let going = false;

  function typing(target) {
    return target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  }

  function step(by) {
    const links = $$("[data-row-link]").filter((link) => link.checkVisibility());
    const here = links.indexOf(document.activeElement);
    const next = links[here < 0 ? (by > 0 ? 0 : links.length - 1) : here + by];
    next?.focus();
  }

  // What stands in the row whose link has the focus.
  function inRow(selector) {
    return document.activeElement?.closest("tr") && $(selector, document.activeElement.closest("tr"));
  }

  const KEYS = {
    "/": () => $("#search")?.focus(),
    "?": () => $("#keys")?.showModal(),
    j: () => step(1),
    k: () => step(-1),
    x: () => inRow("[data-tick]")?.click(),
    e: () => inRow("[data-edit]")?.click(),
    g: () => {
      going = true;
      setTimeout(() => (going = false), 1200);
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") $$("details.menu[open]").forEach((menu) => menu.removeAttribute("open"));
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (body.dataset.keys === "off" || $("dialog[open]")) return;
    const link = going && $(`[data-go="${CSS.escape(event.key)}"]`);
    going = false;
    if (link) {
      link.click();
    } else if (KEYS[event.key]) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });
})();
