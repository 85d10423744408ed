/** The fields in the address, so that a link opens them again; values of headers never are. */

import { RELEASES } from "./hub.js";

const TEXTS = ["topic", "channelType", "endpoint", "content", "contentType", "heartbeatPeriod", "timeout", "maxCount", "end"];

/** They stand behind the "#": nobody but this page reads that, no server and no log. */
export class Link {
  /** What the address asks for; a topic and a release also as a query. */
  read() {
    const query = new URLSearchParams(location.search);
    const kept = new URLSearchParams(location.hash.slice(1));
    const state = { filters: kept.getAll("filter"), headers: kept.getAll("header") };
    for (const name of TEXTS) state[name] = kept.get(name) ?? (name === "topic" ? query.get(name) ?? "" : "");
    const release = kept.get("release") ?? query.get("release");
    return { ...state, release: release in RELEASES ? release : "r4" };
  }

  write(state, release) {
    const kept = new URLSearchParams();
    for (const name of TEXTS) if (state[name]) kept.set(name, state[name]);
    for (const each of state.filters) kept.append("filter", each);
    for (const each of state.headers) kept.append("header", each);
    kept.set("release", release);
    history.replaceState(null, "", `${location.pathname}#${kept}`);
  }
}
