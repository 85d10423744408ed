/** Keeps a page as new as the hub's data: only what changed is drawn anew, and the focus stays. */

import { fill } from "./element.js";
import { twin } from "./hub.js";
import { whenReleased } from "./press.js";

const drawn = new WeakMap();

const nameOf = (each) => each.getAttribute("aria-label") ?? each.textContent;

/** Fills an element with what `make` makes of a value, if that is another one than before. */
export function renew(parent, value, make) {
  const text = JSON.stringify(value) ?? "";
  if (drawn.get(parent) === text) return;
  drawn.set(parent, text);
  const focused = parent.contains(document.activeElement) && nameOf(document.activeElement);
  fill(parent, make(value));
  if (!focused) return;
  [...parent.querySelectorAll("a, button")].find((each) => nameOf(each) === focused)?.focus();
}

/** Lets an element hold one child for each item, in their order: `make(item)` makes one that is new. */
export function renewAll(parent, items, keyOf, make, update) {
  const focused = document.activeElement;
  const known = new Map([...parent.children].map((each) => [each.dataset.key, each]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = known.get(key);
    if (child) {
      known.delete(key);
    } else {
      child = make(item);
      child.dataset.key = key;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const each of known.values()) each.remove();
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

/**
 * Asks for the page's data again and again while the page is seen.
 * @returns {(soon?: boolean) => Promise<void>} asks now; `soon`: and every second for a while
 */
export function follow(show, fail, seconds = 3) {
  let timer = null;
  let hasty = 0;
  let asked = 0;
  async function ask(soon = false) {
    clearTimeout(timer);
    if (soon) hasty = 20;
    const mine = (asked += 1);
    const begun = performance.now();
    try {
      const data = await twin();
      whenReleased(() => mine === asked && show(data));
    } catch (error) {
      if (mine === asked) fail(error);
      if (error.status === 401) return;
    }
    if (mine !== asked) return;
    hasty -= 1;
    // A hub that takes long to tell is asked less often.
    const pause = Math.max(hasty > 0 ? 1000 : seconds * 1000, 10 * (performance.now() - begun));
    timer = setTimeout(() => document.hidden || ask(), pause);
  }
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  ask();
  return ask;
}
