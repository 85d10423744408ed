/** A status as a sign and a word: never by colour alone. */

import { element } from "./element.js";

const SIGNS = {
  active: ["●", "well"], delivered: ["●", "well"], ok: ["●", "well"], ready: ["●", "well"],
  requested: ["◌", "soft"], pending: ["○", "soft"], waiting: ["○", "soft"], unbound: ["○", "soft"],
  held: ["■", "warn"], resend: ["↻", "warn"], retrying: ["◐", "warn"], failing: ["◐", "warn"], stopping: ["◐", "warn"],
  live: ["●", "well"], recovered: ["↺", "warn"], interrupted: ["◌", "warn"],
  error: ["✗", "ill"], failed: ["✗", "ill"], lost: ["▒", "ill"], gap: ["✗", "ill"],
  off: ["■", "soft"], "entered-in-error": ["■", "soft"],
};

/** The status as an element; `word` where another word is to be read. */
export function status(name, word = name) {
  const [sign, kind] = SIGNS[name] ?? ["·", "soft"];
  return element(`span.status.${kind}`, {}, element("span", { "aria-hidden": "true" }, sign), " ", word);
}

const SHOWN = 15_000;
let shown = null;

/** Says something to whoever can't see it happen, and shows it for a while in the corner. */
export function tell(words) {
  let place = document.getElementById("told");
  if (!place) {
    place = element("div", { id: "told", role: "status" });
    document.body.append(place);
  }
  place.textContent = words;
  clearTimeout(shown);
  shown = setTimeout(() => place.replaceChildren(), SHOWN);
}
