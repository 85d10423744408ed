/**
 * The fields in the address, so that a link opens them again; values of headers never are.
 * They stand behind the "#": only this page reads that, no server and no log.
 */

import { RELEASES } from "./hub.js";

export const TEXTS = ["topic", "channelType", "endpoint", "content", "contentType", "heartbeatPeriod", "timeout", "maxCount", "end"];

/** What the address asks for; a topic and a release also as a query. */
export function readLink() {
  const query = new URLSearchParams(location.search);
  const kept = new URLSearchParams(location.hash.slice(1));
  const state = { filters: kept.getAll("filter"), headers: kept.getAll("header") };
  for (const name of TEXTS) state[name] = kept.get(name) ?? "";
  state.topic ||= query.get("topic") ?? "";
  const release = kept.get("release") ?? query.get("release");
  return { ...state, release: release in RELEASES ? release : "r4" };
}

export function writeLink(state, release) {
  const kept = new URLSearchParams(TEXTS.filter((name) => state[name]).map((name) => [name, state[name]]));
  for (const each of state.filters) kept.append("filter", each);
  for (const each of state.headers) kept.append("header", each);
  kept.set("release", release);
  history.replaceState(null, "", `${location.pathname}#${kept}`);
}
