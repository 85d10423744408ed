/** The panel of one event: what is known of it, who was told, and on request what it holds. */

import { element, fill, instant } from "./element.js";
import { change } from "./event_row.js";
import { fhir } from "./hub.js";
import { renew } from "./renewal.js";
import { status } from "./status.js";

function fact(name, ...inside) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, ...inside));
}

/** Who was told: one line for each Subscription but those of live pages. */
function told(release, event) {
  if (!event.asked) return element("p.soft", {}, "Asking the hub ...");
  if (!event.told.length) return element("p.soft", {}, "Nobody, live pages left out.");
  return element("ul.told", {}, event.told.map((each) =>
    element("li", {},
      status(each.standing), " ",
      each.id ? element("a", { href: `/subscriptions/${release}/${each.id}` }, each.name || each.id) : each.name || "somebody", " ",
      element("span.soft", {},
        [each.channel, each.number && `#${each.number}`, each.words !== each.standing && each.words]
          .filter(Boolean).join(", ")),
      each.delivered && element("span.soft", {}, ", ", instant(each.delivered)))));
}

/** Fetches the version only when somebody wants to see it. */
function content(release, event, look) {
  const place = element("div.content");
  const button = element("button.plain", { type: "button" }, "Show content");
  button.addEventListener("click", async () => {
    button.disabled = true;
    if (!event.asked) await look(event);
    const version = event.version ? `/_history/${event.version}` : "";
    try {
      const resource = await fhir(release, event.reference + version);
      fill(place, element("pre", { tabindex: "0", "aria-label": "Content" },
        element("code", {}, JSON.stringify(resource, null, 2))));
      button.remove();
    } catch (error) {
      button.disabled = false;
      const words = error.status === 410 ? "It was deleted; this version has no content." : error.message;
      fill(place, element("p.note", { role: "status" }, words));
    }
  });
  return [place, button];
}

/** Where an event is explained. */
export function explanation(release, { reference, version }) {
  const query = new URLSearchParams({ release, reference });
  if (version) query.set("version", version);
  return `/explain?${query}`;
}

export class EventDetail {
  #event = null;

  /**
   * @param {Element} place an `aside`, hidden while nothing is open
   * @param {object} given `release`; `look(event)` asks the hub about an event; `onClose()`
   */
  constructor(place, { release, look, onClose }) {
    Object.assign(this, { place, release, look, onClose, topic: "" });
  }

  get isOpen() {
    return this.#event !== null;
  }

  open(event) {
    this.#event = event;
    this.#write(event);
    this.place.hidden = false;
    if (!event.asked) void this.look(event);
    this.place.querySelector("h2").focus({ preventScroll: true });
    this.place.scrollIntoView({ block: "nearest" });
  }

  /** Writes what has become known of the event that is open; what is shown of its content stays. */
  refresh(event) {
    if (event !== this.#event) return;
    const part = (name) => this.place.querySelector(name);
    renew(part(".facts"), [event.change, event.version], () => this.#facts(event));
    renew(part(".who"), [event.asked > 0, event.told], () => told(this.release, event));
    this.place.querySelector(".why")?.setAttribute("href", explanation(this.release, event));
  }

  close() {
    if (!this.isOpen) return;
    this.#event = null;
    this.place.hidden = true;
    this.onClose();
  }

  #facts(event) {
    return [
      fact("Time", instant(event.timestamp)),
      fact("What", change(event), event.version && ` to version ${event.version}`),
      fact("Number", `#${event.number}`, event.recovered && [" ", status("recovered")]),
      fact("Topic", this.topic),
    ];
  }

  #write(event) {
    fill(this.place,
      element("div.detail-head", {},
        element("h2", { tabindex: "-1" }, event.reference || "Not told"),
        element("button.plain", { type: "button", click: () => this.close() }, "Close")),
      element("dl.facts", {}, this.#facts(event)),
      element("h3", {}, "Who was told"),
      element("div.who", {}, told(this.release, event)),
      event.reference && element("p.actions", {},
        element("a.why", { href: explanation(this.release, event) }, "Explain"),
        element("a", { href: `/orders/${this.release}/${event.reference}` }, "What became of it")),
      event.reference && content(this.release, event, this.look));
  }
}
