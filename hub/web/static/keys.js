/** Keys of a page: one help for all, nothing while somebody types. */

import { element } from "./element.js";

const known = new Map();

/** Lets a key do something: `key` as KeyboardEvent names it, "Space" for the space bar. */
export function onKey(key, what, action) {
  known.set(key, { what, action });
}

/** What a key goes to: a dialog that has closed keeps the focus until the next frame is drawn. */
function receiver({ target }) {
  return target.closest?.("dialog:not([open])") ? document.body : target;
}

/** Whether keys belong to what has the focus. */
function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable], dialog") !== null;
}

/** Whether Enter and Space already mean something there. */
function isActive(target) {
  return target.closest?.("a, button, summary") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog:modal")) return;
  const key = event.key === " " ? "Space" : event.key;
  const target = receiver(event);
  if (key === "Escape" && isTyping(target) && !target.closest("dialog")) {
    event.preventDefault(); // a search field would be emptied
    target.blur();
    return;
  }
  if (isTyping(target)) return;
  if ((key === "Enter" || key === "Space") && isActive(target)) return;
  const found = known.get(key);
  if (found) {
    event.preventDefault();
    found.action(event);
  }
});

onKey("?", "this help", () => {
  const rows = [...known].map(([key, { what }]) =>
    element("div", {}, element("dt", {}, element("kbd", {}, key)), element("dd", {}, what)));
  const dialog = element("dialog", { "aria-label": "Keys" },
    element("h2", {}, "Keys"),
    element("dl.keys", {}, rows),
    element("form", { method: "dialog" }, element("button", {}, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
});

/**
 * Lets j and k walk over rows, Enter open one. Rows are focusable elements that `rows()` returns.
 * @returns {() => Element|undefined} the row that has the focus
 */
export function walk(rows, open) {
  const current = () => rows().find((row) => row === document.activeElement || row.contains(document.activeElement));
  const move = (step) => {
    const all = rows();
    const at = all.indexOf(current());
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
    all[next]?.focus();
  };
  onKey("j", "next row", () => move(1));
  onKey("k", "row before", () => move(-1));
  if (open) onKey("Enter", "open the row", () => current() && open(current()));
  return current;
}
