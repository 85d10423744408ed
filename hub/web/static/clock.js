/** Times that go on by themselves, on the hub's clock. */

import { element, span } from "./element.js";

let ahead = 0;

/** Sets the clock by what the hub says the time is. */
export function setClock(at) {
  ahead = Date.parse(at) - Date.now();
}

const read = {
  since: (seconds) => (seconds < 1 ? "just now" : `${span(seconds)} ago`),
  age: (seconds) => span(Math.max(1, seconds)),
  until: (seconds) => (seconds > -1 ? "now" : `in ${span(-seconds)}`),
};

function words(kind, at) {
  return read[kind]((Date.now() + ahead - Date.parse(at)) / 1000);
}

/** A time that is told by how long ago it was (`since`), its age, or how far off it is (`until`). */
export function ticking(kind, at) {
  return element("time", { datetime: at, title: at, "data-tick": kind }, words(kind, at));
}

setInterval(() => {
  if (document.hidden) return;
  for (const each of document.querySelectorAll("[data-tick]")) {
    const text = words(each.dataset.tick, each.dateTime);
    if (each.textContent !== text) each.textContent = text;
  }
}, 1000);
