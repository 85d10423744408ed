/** One Subscription: how it fares, its numbers and attempts, and what can be done. */

import { card, cards } from "./cards.js";
import { setClock, ticking } from "./clock.js";
import { decide } from "./decision.js";
import { element, instant, put, span } from "./element.js";
import { fhir } from "./hub.js";
import { onKey } from "./keys.js";
import { numberLine } from "./number_line.js";
import { milliseconds, phases } from "./phases.js";
import { follow, renew } from "./renewal.js";
import { status } from "./status.js";
import { showCode } from "./subscription_code.js";

const [, , release, id] = location.pathname.split("/");
const path = `Subscription/${id}`;
let data = null;

const parts = Object.fromEntries(["standing", "actions", "figures", "line", "attempts", "facts"].map((name) => [name, element("div", {})]));
const heading = document.querySelector("h1");
const spoken = element("p", { role: "status" });
put(document.getElementById("subscription"), [
  spoken, parts.standing, parts.actions, parts.figures,
  element("section", { "aria-labelledby": "numbers" }, element("h2", { id: "numbers" }, "Event numbers"), parts.line),
  element("section", { "aria-labelledby": "tries" }, element("h2", { id: "tries" }, "Newest attempts"), parts.attempts),
  element("section", { "aria-labelledby": "asks" }, element("h2", { id: "asks" }, "What it asks for"), parts.facts),
]);

const ATTEMPT = [["When"], ["What"], ["Outcome"], ["Took", "number"], ["Where the time went"]];
const many = (number) => number.toLocaleString();
const row = (name, value) => value !== null && value !== undefined && value !== "" && value.length !== 0
  && element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value));
const figure = (name, value, more) => element("div", {}, element("dt", {}, name), element("dd", {}, value), more && element("dd", {}, more));

function standing() {
  const grave = ["error", "failing"].includes(data.condition);
  if (!data.error && !data.advice) return null;
  return element(`div.note${grave ? ".ill" : ""}`, {},
    data.error && element("p", {}, element("b", {}, data.errorCode ? `${data.errorCode}: ` : ""), data.error),
    data.attempts[0]?.cause && grave && element("p", {}, `Most likely: ${data.attempts[0].cause}.`),
    data.advice && element("p", {}, data.advice));
}

function figures() {
  return element("dl.figures", {},
    data.numbers && figure("Events so far", many(data.events)),
    data.numbers && figure("Delivered through", many(data.delivered)),
    figure("Undelivered", many(data.undelivered), data.oldestUndelivered && ["oldest ", ticking("age", data.oldestUndelivered)]),
    figure("Failures in a row", many(data.failures), data.failingSince && ["since ", instant(data.failingSince)]),
    figure("Next", data.next ? ticking("until", data.next.at) : "nothing due", data.next?.kind),
    figure("Last answer", data.lastAnswered ? ticking("since", data.lastAnswered) : "never", data.heartbeatPeriod && `heartbeat every ${span(data.heartbeatPeriod)}`),
    data.sockets !== null && figure("Bound sockets", many(data.sockets)));
}

function facts() {
  const lines = (texts) => texts.map((text) => element("div", {}, element("code", {}, text)));
  return element("div.wide", {}, element("table.facts", {}, element("tbody", {},
    row("Reason", data.reason),
    row("Topic", data.isClassic ? ["criteria on ", element("code", {}, data.topic)] : [data.topicTitle, " ", element("code", {}, data.topicVersion || data.topic)]),
    row("Filters", lines(data.filters)),
    row("Channel", data.channel),
    row("Endpoint", data.endpoint && element("code", {}, data.endpoint)),
    row("Headers", lines(data.headers.map(({ name, value }) => `${name}: ${value}`))),
    row("Content", [data.content, data.contentType && [" as ", element("code", {}, data.contentType)]]),
    row("Most events in one", data.maxCount),
    row("Heartbeat", data.heartbeatPeriod && `every ${span(data.heartbeatPeriod)}`),
    row("Timeout", data.timeout && span(data.timeout)),
    row("Ends", data.end && instant(data.end)),
    row("Contact", lines(data.contact)),
    row("Identifier", lines(data.identifier)),
    data.administrative && row("Administrative", "only administrators see it"),
    row("Created", instant(data.created)),
    row("Version", data.version))));
}

function attempts() {
  if (!data.attempts.length) return element("p.soft", {}, data.channel === "websocket" ? "A socket is written to: there are no attempts." : "None yet.");
  const longest = Math.max(...data.attempts.map((each) => each.milliseconds));
  const { table, body } = cards("Attempts, newest first", ATTEMPT);
  put(body, data.attempts.map((each) => card(ATTEMPT, [
    instant(each.at),
    [each.kind, each.last > 0 && ` #${each.first === each.last ? each.first : `${each.first}..${each.last}`}`],
    [status(each.outcome === "delivered" ? "delivered" : "failed", each.outcome), each.status && ` ${each.status}`,
      each.reason && element("div.reason", { title: each.cause }, each.reason)],
    milliseconds(each.milliseconds),
    [phases(each, each.milliseconds, longest), each.address && element("div.soft", {}, each.address)],
  ])));
  return table;
}

const line = { draw: null };
function show(given) {
  data = given;
  setClock(given.at);
  renew(heading, [given.name, given.condition], () => [given.name || given.id, " "]);
  document.title = `${given.name || given.id} - fhir-hub`;
  renew(spoken, [given.condition, given.status, given.undelivered > 0], () => [
    status(given.condition), given.condition !== given.status && ` (${given.status})`,
    element("span.soft", {}, ` · ${given.release} `, element("code", {}, `Subscription/${given.id}`)),
    given.undelivered ? " · behind" : " · nothing undelivered"]);
  renew(parts.standing, [given.error, given.errorCode, given.advice, given.condition, given.attempts[0]?.cause], standing);
  renew(parts.actions, [given.status, given.channel, given.condition, given.isClassic], actions);
  renew(parts.figures, [given.events, given.delivered, given.undelivered, given.oldestUndelivered, given.failures, given.next, given.lastAnswered, given.sockets], figures);
  renew(parts.attempts, given.attempts, attempts);
  renew(parts.facts, [given.version, given.headers, given.filters], facts);
  if (!given.numbers) renew(parts.line, null, () => element("p.soft", {}, "Its criteria are a search: nothing it is sent has a number."));
  else (line.draw ??= numberLine(parts.line, replay))(given);
}

function fail(error) {
  renew(spoken, error.message, (words) => element("span.ill", {}, `✗ ${words}`));
  if (error.status === 404 || error.status === 410) for (const part of Object.values(parts)) part.replaceChildren();
}

const again = follow(show, fail, 2);
const matching = () => ({ "if-match": `W/"${data.version}"` });

/** Changes the status, if nobody has changed the Subscription since it was shown. */
async function setStatus(value, words) {
  try {
    await fhir(release, path, { method: "PATCH", body: [{ op: "replace", path: "/status", value }],
      headers: { "content-type": "application/json-patch+json", ...matching() } });
  } finally {
    again(true);
  }
  return words;
}

function verify() {
  decide({
    title: "Verify the endpoint",
    inside: element("p", {}, "The hub sends a handshake to ", element("code", {}, data.endpoint), " now. Nothing about the Subscription changes."),
    verb: "Send a handshake",
    run: async () => {
      const answer = await fhir(release, `${path}/$verify`, { method: "POST" });
      const told = Object.fromEntries((answer.parameter ?? []).map((part) => [part.name, Object.values(part).find((value) => value !== part.name)]));
      const taken = told.outcome === "delivered";
      return element("div.panel", {},
        element("p", {}, status(taken ? "delivered" : "failed", taken ? "the endpoint took it" : told.outcome), told.status && ` HTTP ${told.status}`, told.address && ` from ${told.address}`),
        [told.reason, told.cause].filter(Boolean).map((text) => element("p", {}, text)),
        element("p", {}, phases(told, told.total, told.total), ` · ${milliseconds(told.total)} in all`));
    },
  });
}

/** Asks which numbers are to be sent again. */
function replay(first, last) {
  if (!data?.numbers) return;
  const kept = data.numbers.lowestKept;
  const field = (name, value) => element("label", {}, `${name} `, element("input", {
    type: "number", name, value, min: kept, max: Math.max(kept, data.delivered), step: "1", required: true }));
  const low = first ?? Math.max(kept, data.delivered - 9);
  decide({
    title: "Replay events",
    inside: [
      element("p", {}, `They are sent once more with the numbers they had, at most 1,000 in one call. ${range(kept, data.delivered)}`),
      element("div.tools", {}, field("From", low), field("To", last ?? data.delivered)),
    ],
    verb: "Send again",
    run: async (form) => {
      const { From, To } = Object.fromEntries(new FormData(form));
      const answer = await fhir(release, `${path}/$resend?eventsSinceNumber=${From}&eventsUntilNumber=${To}`, { method: "POST" });
      again(true);
      return answer.issue.map((issue) => issue.diagnostics).join(". ");
    },
  });
}
const range = (kept, sent) => (sent < kept ? "Nothing that was sent is kept." : `${many(kept)} to ${many(sent)} can be replayed.`);

const asks = {
  Reactivate: () => decide({
    title: "Reactivate", verb: "Reactivate",
    inside: element("p", {}, "Its status becomes requested; after a handshake it is active, and what is still kept goes first."),
    run: () => setStatus("requested", "Reactivated: the hub sends a handshake where the channel has one."),
  }),
  "Switch off": () => decide({
    title: "Switch off", verb: "Switch it off",
    inside: element("p", {}, "Nothing more is sent. Events that happen while it is off get no number and are never sent; reactivate it to go on."),
    run: () => setStatus("off", "Switched off."),
  }),
  Delete: () => decide({
    title: "Delete", verb: "Delete it",
    inside: element("p", {}, `Subscription/${data.id} is deleted: nothing more is counted or sent, and its events can't be read any more.`),
    run: async () => {
      await fhir(release, path, { method: "DELETE", headers: matching() });
      location.assign("/subscriptions");
    },
  }),
};
const code = (kind) => () => showCode(data, kind).catch(fail);
const explain = `/explain?release=${release}&subscription=${id}`;

function actions() {
  const button = (name, action, plain = true) => element(`button${plain ? ".plain" : ""}`, { type: "button", click: action }, name);
  const served = ["active", "requested"].includes(data.status);
  return element("div.actions", {},
    !served && data.status !== "entered-in-error" && button("Reactivate", asks.Reactivate, false),
    data.endpoint && button("Verify endpoint", verify),
    data.numbers && button("Replay", () => replay()),
    served && button("Switch off", asks["Switch off"]),
    element("a.button", { href: explain }, "Explain"),
    button("As curl", code("curl")), button("As JavaScript", code("javascript")),
    button("Delete", asks.Delete));
}

onKey("r", "replay events", () => replay());
onKey("e", "explain", () => location.assign(explain));
onKey("Escape", "back to all Subscriptions", () => location.assign("/subscriptions"));
if (location.hash === "#replay") {
  const waits = setInterval(() => {
    if (!data) return;
    clearInterval(waits);
    replay();
  }, 50);
}
