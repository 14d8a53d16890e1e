// Keys of one letter: only where nobody types, only without a modifier, and one can turn them off (WCAG 2.1.4).

const STORED = "vigie.keys";

/** Calls what `bindings` says for a key. `toggle` is the box that turns them on and off, kept for the next visit. */
export function bind(bindings, toggle) {
  toggle.checked = localStorage.getItem(STORED) !== "off";
  toggle.addEventListener("change", () => localStorage.setItem(STORED, toggle.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (target.closest("input:not([type=checkbox]), select, textarea, dialog")) return;
    const action = bindings[key];
    if (!action || (key.length === 1 && key !== "?" && !toggle.checked)) return;
    event.preventDefault();
    action();
  });
}
