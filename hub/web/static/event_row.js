/** How an event, or a note between events, is written as a row. */

import { element, fill } from "./element.js";
import { status } from "./status.js";

const CHANGES = { create: ["+", "create"], update: ["~", "update"], delete: ["−", "delete"] };

/** "Type/id" of a reference, whichever base it names. */
export function relative(reference) {
  return (reference ?? "").split("/").slice(-2).join("/");
}

/** An event as it is kept: little, as there are many. */
export function keptEvent({ number, timestamp, focus, recovered }) {
  const reference = relative(focus);
  const [type, id = ""] = reference.split("/");
  return {
    number, timestamp, reference, type, id, recovered, note: false,
    change: null, version: null, told: [], asked: 0, next: 0,
  };
}

/** A note: `kind` is a status of status.js, `words` what it says. */
export const keptNote = (kind, words) => ({ note: true, kind, words, timestamp: new Date().toISOString() });

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** The time of an instant in the zone of the reader, with milliseconds; they tell bursts apart. */
function time(text) {
  const at = new Date(text);
  return element("time", { datetime: text, title: text },
    clock.format(at), element("small", {}, `.${String(at.getMilliseconds()).padStart(3, "0")}`));
}

/** What happened to the resource: a sign and a word. */
export function change(event) {
  const [sign, word] = CHANGES[event.change] ?? ["·", "change"];
  return element(`span.change.${event.change ?? "unknown"}`, {},
    element("span", { "aria-hidden": "true" }, sign), " ", word);
}

/** Who was told, in short: one by name, more as how many deliveries stand where. */
export function chips(event) {
  const standings = new Map();
  for (const { standing, name } of event.told) standings.set(standing, [...(standings.get(standing) ?? []), name]);
  return [
    event.recovered && status("recovered"),
    ...[...standings].map(([standing, names]) => {
      const chip = status(standing, names.length > 1 ? `${names.length} ${standing}` : `${names[0]}: ${standing}`);
      chip.title = names.join("\n");
      return chip;
    }),
  ];
}

/** Writes a row into an element of the list. */
export function writeRow(row, item) {
  if (item.row === row && item.told === row.told) return;
  Object.assign(item, { row, told: row.told });
  item.className = row.note ? "note-row" : "";
  if (row.note) {
    delete item.dataset.number;
    delete item.dataset.reference;
    fill(item, time(row.timestamp), status(row.kind, row.words));
    return;
  }
  item.dataset.number = row.number;
  item.dataset.reference = row.reference;
  item.dataset.recovered = row.recovered;
  fill(item,
    time(row.timestamp), change(row),
    element("span.reference", { title: row.reference },
      element("span", {}, row.reference || "(not told)"), row.version && element("small", {}, `v${row.version}`)),
    element("span.at", {}, `#${row.number}`),
    element("span.chips", {}, chips(row)));
}
