/**
 * The list of events: only rows that can be seen are in the page, as there may be thousands.
 *
 * It follows the newest row until somebody scrolls up, selects, or pauses it.
 */

import { element } from "./element.js";
import { writeRow } from "./event_row.js";
import { whenReleased } from "./press.js";

const MARGIN = 4;
const MOST_PENDING = 2000;

export class EventList {
  #pending = [];
  #isDue = false;
  #items = new Map();
  #pool = [];
  #height = 36;
  #active = null;
  #rule;
  /** Why it is paused: "scroll", "selection" or "hand"; empty while it follows. */
  #reason = "";

  /**
   * @param {Element} place scrolls; `list` in it is the `ol`
   * @param {EventBuffer} buffer
   * @param {object} told `onOpen(event)`, `onDraw(visible)` after each drawing
   */
  constructor(place, list, buffer, { onOpen, onDraw }) {
    Object.assign(this, { place, list, buffer, onOpen, onDraw });
    place.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    place.addEventListener("wheel", ({ deltaY }) => {
      if (deltaY < 0 && place.scrollTop > 0) this.pause("scroll");
      else if (deltaY > 0) this.#scrolled();
    }, { passive: true });
    place.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.move(step);
    });
    list.addEventListener("click", ({ target }) => {
      const row = target.closest("li")?.row;
      if (!row || !getSelection().isCollapsed) return;
      this.select(row);
      this.open();
    });
    document.addEventListener("selectionchange", () => {
      const selection = getSelection();
      if (!selection.isCollapsed && list.contains(selection.anchorNode)) this.pause("selection");
    });
    // A rule, as attributes for style are what a strict policy is to keep out.
    const sheet = new CSSStyleSheet();
    this.#rule = sheet.cssRules[sheet.insertRule(`#${list.id} {}`)];
    document.adoptedStyleSheets.push(sheet);
    new ResizeObserver(() => {
      this.#height = parseFloat(getComputedStyle(place).getPropertyValue("--row"));
      this.draw();
    }).observe(place);
  }

  /** Takes rows; they are drawn with the next frame. */
  add(...rows) {
    this.#pending.push(...rows);
    // Hidden pages get no frames.
    if (this.#pending.length > MOST_PENDING) this.#take();
    this.draw();
  }

  get active() {
    return this.#active;
  }

  /** The events that can be seen. */
  get visible() {
    return [...this.#items.keys()].filter((row) => !row.note);
  }

  pause(reason) {
    if (this.buffer.isPaused) {
      if (reason === "hand") this.#reason = reason;
      return;
    }
    this.#take();
    this.#reason = reason;
    this.buffer.pause();
    this.draw();
  }

  /** Shows what came meanwhile, and follows again. */
  resume() {
    this.#reason = "";
    this.#active = null;
    this.buffer.resume();
    this.draw();
  }

  /** Selects the next row, or the one before; the newest if none was selected. */
  move(step) {
    const { shown } = this.buffer;
    const at = shown.indexOf(this.#active);
    const next = at < 0 ? shown.length - 1 : Math.min(shown.length - 1, Math.max(0, at + step));
    if (shown[next]) this.select(shown[next]);
  }

  select(row) {
    this.pause("selection");
    this.#active = row;
    const top = this.buffer.shown.indexOf(row) * this.#height;
    const { scrollTop, clientHeight } = this.place;
    if (top < scrollTop) this.place.scrollTop = top;
    else if (top + this.#height > scrollTop + clientHeight) this.place.scrollTop = top + this.#height - clientHeight;
    this.#draw();
    this.#items.get(row)?.focus({ preventScroll: true });
  }

  open() {
    if (this.#active && !this.#active.note) this.onOpen(this.#active);
  }

  draw() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => whenReleased(() => {
      this.#isDue = false;
      this.#take();
      this.#draw();
    }));
  }

  #take() {
    if (this.#pending.length) this.buffer.add(this.#pending);
    this.#pending = [];
  }

  #scrolled() {
    const { scrollTop, clientHeight } = this.place;
    const isAtEnd = scrollTop + clientHeight >= this.buffer.shown.length * this.#height - this.#height;
    if (!isAtEnd) this.pause("scroll");
    else if (this.#reason === "scroll") this.resume();
    this.draw();
  }

  #draw() {
    const { place, list, buffer } = this;
    const { shown } = buffer;
    const height = this.#height;
    this.#rule.style.height = `${shown.length * height}px`;
    if (!buffer.isPaused) place.scrollTop = place.scrollHeight;
    const first = Math.max(0, Math.floor(place.scrollTop / height) - MARGIN);
    const last = Math.min(shown.length, Math.ceil((place.scrollTop + place.clientHeight) / height) + MARGIN);
    const wanted = shown.slice(first, last);
    this.#rule.style.paddingTop = `${first * height}px`;
    const kept = new Set(wanted);
    for (const [row, item] of this.#items) {
      if (kept.has(row)) continue;
      if (item.contains(document.activeElement)) place.focus({ preventScroll: true });
      this.#items.delete(row);
      this.#pool.push(item);
    }
    wanted.forEach((row, index) => {
      const item = this.#items.get(row) ?? this.#pool.pop() ?? element("li", { tabindex: "-1" });
      this.#items.set(row, item);
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
      writeRow(row, item);
      item.setAttribute("aria-setsize", shown.length);
      item.setAttribute("aria-posinset", first + index + 1);
      item.toggleAttribute("data-active", row === this.#active);
    });
    for (const item of this.#pool) item.remove();
    this.#pool.length = Math.min(this.#pool.length, 100);
    this.onDraw();
  }
}
