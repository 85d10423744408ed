/**
 * The page's own Subscription: a websocket one that ends soon, unless the page goes on renewing it.
 *
 * Its id and the last number are kept in the tab, so that a reload, or a way back from another page
 * of the hub, goes on with its numbers. A browser doesn't tell whether a page that goes comes back;
 * so it is given some minutes, and the next live page that is opened deletes what has ended.
 */

import { fhir, identity } from "./hub.js";

const KEPT = "fhir-hub-live";
const LIFE = 30 * 60_000;
const RENEWED_EVERY = 12 * 60_000;
const AWAY = 60_000;
const ON_ANOTHER_PAGE = 10 * 60_000;
/** How many events a reload shows again. */
const SHOWN_AGAIN = 1000;
const NAME = "Live page";
const REASON = "Live page; ends when it is closed";

const BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";
const CHANNELS = "http://terminology.hl7.org/CodeSystem/subscription-channel-type";

/** The resource, as a release writes it; `filter` is as R4 writes it: "Task?owner=Organization/lab". */
function resource({ release, topic, filter }, milliseconds) {
  const end = new Date(Date.now() + milliseconds).toISOString();
  const shared = { resourceType: "Subscription", status: "requested", end, reason: REASON };
  if (release === "r5") {
    return {
      ...shared, name: NAME, topic, content: "id-only", contentType: "application/fhir+json",
      channelType: { system: CHANNELS, code: "websocket" }, ...(filter ? { filterBy: filterBy(filter) } : {}),
    };
  }
  const extension = (name, value) => ({ extension: [{ url: BACKPORT + name, ...value }] });
  return {
    ...shared, meta: { profile: [`${BACKPORT}subscription`] }, criteria: topic,
    ...(filter ? { _criteria: extension("filter-criteria", { valueString: filter }) } : {}),
    channel: {
      type: "websocket", payload: "application/fhir+json",
      _payload: extension("payload-content", { valueCode: "id-only" }),
    },
  };
}

/** A filter as R5 writes it; what is wrong with it the hub says. */
function filterBy(filter) {
  const [, type, query] = /^(?:([A-Z]\w*)\?)?(.*)$/s.exec(filter);
  return query.split("&").map((part) => {
    const at = part.indexOf("=");
    const [name, modifier] = (at < 0 ? part : part.slice(0, at)).split(/:(.*)/s);
    return {
      ...(type ? { resourceType: type } : {}), filterParameter: unescaped(name),
      ...(modifier ? { modifier } : {}), value: at < 0 ? "" : unescaped(part.slice(at + 1)),
    };
  });
}

function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export class PageSubscription {
  #timer = null;

  /** @param {object} wanted `release` ("r4"), `topic`, `filter` */
  constructor(wanted) {
    Object.assign(this, wanted);
    this.last = 0;
    this.id = null;
  }

  get reference() {
    return `Subscription/${this.id}`;
  }

  get url() {
    return `${location.origin}/fhir/${this.release}/${this.reference}`;
  }

  /**
   * Makes it, or takes up the one that this tab had.
   * @returns {Promise<number>} the number after which events are to be shown
   * @throws {Refusal}
   */
  async open() {
    const kept = this.#kept();
    const isSame = ["release", "topic", "filter"].every((each) => kept[each] === this[each]);
    this.id = isSame ? kept.id : null;
    if (this.id && (await this.#isRenewed())) {
      this.last = kept.last;
      this.#keep();
      // What the page before sent as it went may arrive after this.
      setTimeout(() => void this.#isRenewed(), AWAY / 3);
      return Math.max(0, kept.last - SHOWN_AGAIN);
    }
    if (kept.id) await this.#remove(kept.release, kept.id);
    await this.create();
    void this.#tidy();
    return 0;
  }

  /** Makes it anew. @throws {Refusal} */
  async create() {
    const body = resource(this, LIFE);
    this.id = (await fhir(this.release, "Subscription", { method: "POST", body })).id;
    this.last = 0;
    this.#keep();
  }

  /**
   * The page goes, and may come back at once: the Subscription ends soon.
   * @param {boolean} isStaying another page of the hub follows
   */
  leave(isStaying) {
    clearInterval(this.#timer);
    if (!this.id) return;
    this.#remember();
    const body = { ...resource(this, isStaying ? ON_ANOTHER_PAGE : AWAY), id: this.id };
    fhir(this.release, this.reference, { method: "PUT", keepalive: true, body }).catch(() => null);
  }

  #keep() {
    this.#remember();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#isRenewed(), RENEWED_EVERY);
  }

  #remember() {
    const { release, topic, filter, id, last } = this;
    sessionStorage.setItem(KEPT, JSON.stringify({ release, topic, filter, id, last }));
  }

  #kept() {
    try {
      return JSON.parse(sessionStorage.getItem(KEPT)) ?? {};
    } catch {
      return {};
    }
  }

  /** Puts off its end; false where it is gone. */
  async #isRenewed() {
    try {
      // One that has ended could be reactivated, but what happened meanwhile was not counted.
      if ((await fhir(this.release, this.reference)).status !== "active") return false;
      const body = { ...resource(this, LIFE), id: this.id };
      await fhir(this.release, this.reference, { method: "PUT", body });
      return true;
    } catch {
      return false;
    }
  }

  async #remove(release, id) {
    await fhir(release, `Subscription/${id}`, { method: "DELETE" }).catch(() => null);
  }

  /** Deletes what live pages left behind, whoever opened them: it has ended, and is of no more use. */
  async #tidy() {
    const found = await fhir(this.release, "Subscription?status=off&_count=100").catch(() => null);
    for (const { resource: each } of found?.entry ?? []) {
      if (each.reason === REASON && new Date(each.end) < new Date()) await this.#remove(this.release, each.id);
    }
  }
}

/** Whether a Subscription that is called so is that of a live page. */
export const isLivePage = (name) => name === NAME || name === REASON;

/** The caller's token without its scheme, as subscribe() takes it. */
export const bearer = () => identity().authorization?.replace(/^Bearer /, "");
