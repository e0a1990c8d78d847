// Loaded blocking in the head, so that no page flashes in the wrong theme.
(() => {
  const root = document.documentElement;
  // The administration's own frame has no place for the person's theme but this script's element.
  const saved = root.dataset.theme || document.currentScript?.dataset.theme || "auto";
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem("certdash.theme") || saved;
    } catch {
      return saved;
    }
  }

  function apply() {
    const theme = chosen();
    root.dataset.bsTheme = theme === "auto" ? (system.matches ? "dark" : "light") : theme;
    root.dataset.themeChosen = theme;
  }

  apply();
  system.addEventListener("change", apply);
  addEventListener("certdash:theme", apply);
})();
