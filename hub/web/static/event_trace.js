/**
 * What a notification does not tell, asked of the hub for rows that are looked at: what happened to
 * the resource, its version, and who was told, live pages left out ($trace).
 */

import { fhir, Refusal } from "./hub.js";
import { isLivePage } from "./page_subscription.js";

const SPACING = 120;
const FIRST_WAIT = 2000;
const LONGEST_WAIT = 60_000;
const FINAL = new Set(["delivered"]);

/** The parts of a parameter as an object; those named "told" as a list of such. */
function parts(parameter) {
  const made = { told: [] };
  for (const part of parameter.part ?? []) {
    const key = Object.keys(part).find((each) => each.startsWith("value"));
    if (part.name === "told") made.told.push(parts(part));
    else made[part.name] = part[key];
  }
  return made;
}

export class EventTraces {
  #events = [];
  #timer = null;
  #isAsking = false;

  /**
   * @param {string} release
   * @param {() => void} onKnown more is known of some event
   */
  constructor(release, onKnown) {
    Object.assign(this, { release, onKnown });
  }

  /** Says which events are looked at now; they are asked for one after the other. */
  want(events) {
    this.#events = events;
    this.#schedule();
  }

  #schedule() {
    if (this.#timer || this.#isAsking) return;
    const due = Math.min(...this.#events.map((event) => event.next));
    if (due === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#ask();
    }, Math.max(SPACING, due - performance.now()));
  }

  async #ask() {
    const now = performance.now();
    const wanted = this.#events.findLast((event) => event.next <= now);
    if (wanted && !document.hidden) {
      this.#isAsking = true;
      await this.read(this.#events.filter(({ reference }) => reference === wanted.reference));
      this.#isAsking = false;
    }
    this.#schedule();
  }

  /** Asks about events of one resource. */
  async read(events) {
    const [{ reference }] = events;
    let changes = [];
    try {
      const answer = reference ? await fhir(this.release, `${reference}/$trace`) : {};
      changes = (answer.parameter ?? []).filter(({ name }) => name === "change").map(parts);
    } catch (error) {
      // What is refused stays unknown; a hub that is away is asked again.
      if (!(error instanceof Refusal) || error.status >= 500) {
        for (const event of events) event.next = performance.now() + FIRST_WAIT;
        return;
      }
    }
    for (const event of events) {
      // An event has the instant of its change.
      const known = changes.find(({ focus, timestamp }) =>
        focus?.reference === event.reference && timestamp === event.timestamp);
      event.asked += 1;
      if (known) {
        const told = known.told.filter(({ name }) => !isLivePage(name)).map((each) => ({
          id: each.subscription?.reference.split("/").pop() ?? "",
          name: each.name ?? each.subscription?.reference ?? "",
          channel: each.channel, standing: each.standing, words: each.words, delivered: each.delivered,
          number: each["event-number"],
        }));
        // Another array is drawn anew.
        if (!event.change || JSON.stringify(told) !== JSON.stringify(event.told)) event.told = told;
        event.change = known.interaction;
        event.version = known.version;
      }
      const isFinal = known && event.told.every(({ standing }) => FINAL.has(standing));
      const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (event.asked - 1));
      event.next = isFinal || event.asked > 12 ? Infinity : performance.now() + wait;
    }
    this.onKnown();
  }
}
