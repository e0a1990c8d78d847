// Loaded blocking in the head, so that no page flashes in the wrong theme.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem("certdash.theme") || root.dataset.theme || "auto";
    } catch {
      return root.dataset.theme || "auto";
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
