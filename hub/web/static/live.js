/** The live page: events as they happen, over a websocket Subscription of its own. */

import { element, fill } from "./element.js";
import { EventBuffer } from "./event_buffer.js";
import { EventDetail, explanation } from "./event_detail.js";
import { readFilter } from "./event_filter.js";
import { EventList } from "./event_list.js";
import { keptEvent, keptNote } from "./event_row.js";
import { EventTraces } from "./event_trace.js";
import { release, releaseChoice, twin } from "./hub.js";
import { onKey } from "./keys.js";
import { bearer, PageSubscription } from "./page_subscription.js";
import { whenReleased } from "./press.js";
import { status } from "./status.js";
import { subscribe } from "./subscribe.js";

const MOST = 20_000;
const MOST_TRACED = 200;
/** Events in a second above which rows are not looked at one by one. */
const BUSY = 20;
const SUMMARY_EVERY = 5000;
const VISITED = "fhir-hub-visited";

const of = (id) => document.getElementById(id);
const address = new URLSearchParams(location.search);
const chosen = { release: release(), topic: address.get("topic"), filter: address.get("filter") ?? "" };

const buffer = new EventBuffer(MOST);
const counts = { total: 0, second: 0, rate: 0, unsaid: 0, last: "" };
let filter = readFilter("");
let live = null;
let own = null;
let state = "connecting";

const detail = new EventDetail(of("detail"), {
  release: chosen.release, look: (event) => traces.read([event]),
  onClose: () => of("stream").focus({ preventScroll: true }),
});
const list = new EventList(of("stream"), of("events"), buffer, { onOpen: open, onDraw: drawn });
const traces = new EventTraces(chosen.release, known);

// ---- what comes

function follow(after) {
  live?.close();
  of("own").textContent = own.reference;
  of("own").setAttribute("href", `/subscriptions/${chosen.release}/${own.id}`);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  live = subscribe(own.url, {
    after, token: bearer(), websocket: `${scheme}//${location.host}/ws`,
    onEvent: (event) => {
      const isAgain = event.number <= own.last;
      own.last = Math.max(own.last, event.number);
      list.add(keptEvent({ ...event, recovered: event.recovered && !isAgain }));
      counts.total += 1;
      counts.second += 1;
      counts.unsaid += 1;
      counts.last = event.focus;
    },
    onGap: ({ first, last, lost }) => {
      const numbers = first === last ? `#${first}` : `#${first}..${last}`;
      note(lost ? "lost" : "gap", lost ? `${numbers} no longer kept by the hub` : `${numbers} missing; asking $events`);
    },
    onState: (change) => void changed(change),
  });
}

function note(kind, words) {
  list.add(keptNote(kind, words));
}

let isInterrupted = false;

async function changed({ state: now, error, missed }) {
  if (now === "waiting") {
    if (!isInterrupted) note("interrupted", "connection lost");
    isInterrupted = true;
    return banner("retrying", `- ${error.message}. Events wait at the hub; what is missed is recovered.`);
  }
  if (now === "live") {
    banner();
    if (isInterrupted) {
      const words = missed === 1 ? "1 event was missed and is recovered" : `${missed} events were missed and are recovered`;
      note("live", missed ? `connected again: ${words}` : "connected again: nothing was missed");
    }
    isInterrupted = false;
    setState("live");
  }
  if (now === "renumbered") note("gap", "the hub's numbers begin anew");
  if (now === "refused") await begin(error);
}

/** Makes the page's Subscription anew where it is gone, as after a long sleep. */
async function begin(error) {
  note("gap", `the page's Subscription is gone: ${error.message}`);
  try {
    await own.create();
    note("live", "a new one counts from #1; what happened between was not told");
    isInterrupted = false;
    follow(0);
  } catch (refusal) {
    refused(refusal);
  }
}

function refused(error) {
  setState("error");
  banner("error", `The hub does not take this page's Subscription: ${error.message}`);
}

// ---- what is said

function banner(kind, words = "") {
  if (kind === "retrying") setState("retrying");
  of("banner").hidden = !words;
  of("banner").classList.toggle("ill", kind === "error");
  fill(of("banner"), words && [status(kind, kind === "error" ? "refused" : "reconnecting"), " ", words]);
}

const STATES = { connecting: ["pending", "connecting"], live: ["active", "live"], retrying: ["retrying", "reconnecting"], error: ["error", "refused"] };

function setState(now) {
  state = now;
  figures();
  list.draw();
}

function figures() {
  const words = counts.total === 1 ? "1 event" : `${counts.total.toLocaleString()} events`;
  fill(of("state"), buffer.isPaused ? status("off", "paused") : status(...STATES[state]),
    element("span.soft", {}, ` · ${words}${counts.rate ? `, ${counts.rate} a second` : ""}`));
}

function drawn() {
  const { isPaused, fresh, shown, size } = buffer;
  of("fresh").hidden = !isPaused;
  of("fresh").textContent = fresh ? `${fresh.toLocaleString()} new ↓` : "Paused: go on";
  of("pause").setAttribute("aria-pressed", isPaused);
  of("empty").hidden = shown.length > 0;
  if (!shown.length) {
    fill(of("empty"), size
      ? `None of the ${size.toLocaleString()} events kept passes the filter.`
      : state === "live" ? "Nothing yet: whatever is written at this base appears here." : "");
  }
  if (counts.rate <= BUSY) figures();
  const mayAsk = state === "live" && counts.rate <= BUSY;
  traces.want(!mayAsk ? [] : filter.needsTrace ? buffer.newest(MOST_TRACED) : list.visible);
}

function known() {
  if (filter.needsTrace) buffer.refresh();
  list.draw();
  whenReleased(() => list.active && detail.refresh(list.active));
}

setInterval(() => {
  counts.rate = counts.second;
  counts.second = 0;
  figures();
}, 1000);

setInterval(() => {
  if (!counts.unsaid) return;
  const events = counts.unsaid === 1 ? "1 event" : `${counts.unsaid} events`;
  of("summary").textContent = `${events}, the last about ${keptEvent({ focus: counts.last }).reference}`;
  counts.unsaid = 0;
}, SUMMARY_EVERY);

// ---- what is asked

function open(event) {
  of("try").hidden = true;
  detail.open(event);
}

function search() {
  const box = of("search");
  filter = readFilter(box.value);
  of("search-error").textContent = filter.error;
  box.setAttribute("aria-invalid", Boolean(filter.error));
  of("search-note").hidden = !filter.needsTrace;
  setAddress("q", box.value.trim());
  buffer.filter(filter.test);
  list.draw();
}

/** Keeps a choice in the address, without loading the page anew. */
function setAddress(name, value) {
  if (value) address.set(name, value);
  else address.delete(name);
  history.replaceState(null, "", address.size ? `?${address}` : location.pathname);
}

function pause() {
  if (buffer.isPaused) list.resume();
  else list.pause("hand");
  figures();
}

function explain() {
  if (list.active?.reference) location.assign(explanation(chosen.release, list.active));
}

/** Reads the Subscription's events again from a number on, also such as went out of the list. */
function replay() {
  const input = element("input", { type: "number", min: "1", max: String(Math.max(1, own?.last ?? 1)), value: "1", required: true });
  const dialog = element("dialog", { "aria-label": "Replay" },
    element("form", { method: "dialog" },
      element("p", {}, "Empties the list and reads this page's events again, as far as the hub keeps them."),
      element("label", {}, "From number ", input),
      element("div.actions", {},
        element("button", { value: "replay" }, "Replay"),
        element("button.plain", { value: "", formnovalidate: true }, "Cancel"))));
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue !== "replay" || !own?.id) return;
    buffer.clear();
    counts.total = 0;
    list.resume();
    note("live", `replay from #${input.value}`);
    follow(Number(input.value) - 1);
  });
  document.body.append(dialog);
  dialog.showModal();
}

function setTry(isShown) {
  of("try").hidden = !isShown;
  of("try-button").setAttribute("aria-expanded", isShown);
  localStorage.setItem(VISITED, "yes");
}

function escape() {
  if (detail.isOpen) detail.close();
  else if (buffer.isPaused) list.resume();
}

// ---- the start

function choices(topics) {
  const known = topics.filter(({ releases }) => releases.includes(chosen.release.toUpperCase()));
  const isChosen = ({ topic }) => topic === chosen.topic || topic.split("|")[0] === chosen.topic;
  chosen.topic ??= (known.find(({ topic }) => topic.includes("/any-change|")) ?? known[0])?.topic ?? "";
  if (!known.some(isChosen)) known.push({ topic: chosen.topic, title: null });
  const topic = element("select", { name: "topic" }, known.map((each) =>
    element("option", { value: each.topic, selected: isChosen(each) }, each.title || each.topic)));
  const filterBox = element("input", {
    name: "filter", value: chosen.filter, placeholder: "Task?owner=Organization/lab", autocomplete: "off", spellcheck: "false",
  });
  const anew = () => {
    setAddress("topic", topic.value);
    setAddress("filter", filterBox.value.trim());
    location.reload();
  };
  topic.addEventListener("change", anew);
  filterBox.addEventListener("change", anew);
  of("choices").prepend(releaseChoice(), element("label", {}, "Topic ", topic), element("label", {}, "Its filter ", filterBox));
  detail.topic = topic.selectedOptions[0].text;
}

async function start() {
  choices((await twin("/")).topics);
  own = new PageSubscription(chosen);
  follow(await own.open());
}

let isStaying = false;
globalThis.navigation?.addEventListener("navigate", ({ destination }) => {
  if (!destination.sameDocument) isStaying = new URL(destination.url).origin === location.origin;
});
addEventListener("pagehide", () => {
  live?.close();
  own?.leave(isStaying);
});
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});

of("search").value = address.get("q") ?? "";
of("search").addEventListener("input", search);
of("pause").addEventListener("click", pause);
of("fresh").addEventListener("click", () => list.resume());
of("replay").addEventListener("click", replay);
of("try-button").addEventListener("click", () => setTry(of("try").hidden));
of("try-close").addEventListener("click", () => setTry(false));
onKey("j", "next event", () => list.move(1));
onKey("k", "event before", () => list.move(-1));
onKey("Enter", "open the event", () => list.open());
onKey("Escape", "close what is open, then follow again", escape);
onKey("Space", "pause, go on", pause);
onKey("e", "explain the event", explain);
onKey("r", "replay from a number", replay);

for (const id of ["buttons", "choices"]) of(id).hidden = false;
setTry(!localStorage.getItem(VISITED));
search();
start().catch(refused);
