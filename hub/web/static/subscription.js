/** One Subscription: how it fares, its numbers and attempts, and what can be done. */

import { card, cards } from "./cards.js";
import { setClock, ticking } from "./clock.js";
import { element, instant, put, span } from "./element.js";
import { onKey } from "./keys.js";
import { numberLine } from "./number_line.js";
import { milliseconds, phases } from "./phases.js";
import { follow, renew } from "./renewal.js";
import { status } from "./status.js";
import { actionsOn, explainPath } from "./subscription_actions.js";

const [, , release, id] = location.pathname.split("/");
const NAMES = ["standing", "actions", "figures", "line", "attempts", "facts"];
const parts = Object.fromEntries(NAMES.map((name) => [name, element("div")]));
const ATTEMPT = [["When"], ["What"], ["Outcome"], ["Took", "number"], ["Where the time went"]];
let data = null;
let drawLine = null;

const heading = document.querySelector("h1");
const spoken = element("p", { role: "status" });
const section = (key, title, part) => element("section", { "aria-labelledby": key },
  element("h2", { id: key }, title), part);
put(document.getElementById("subscription"), [
  spoken, parts.standing, parts.actions, parts.figures,
  section("numbers", "Event numbers", parts.line),
  section("attempts", "Newest attempts", parts.attempts),
  section("request", "What it asks for", parts.facts),
]);

const many = (number) => number.toLocaleString();
const figure = (name, value, more) => element("div", {},
  element("dt", {}, name), element("dd", {}, value), more && element("dd", {}, more));

function row(name, value) {
  if (value === null || value === undefined || value === "" || value.length === 0) return null;
  return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value));
}

function standing() {
  const grave = ["error", "failing"].includes(data.condition);
  if (!data.error && !data.advice) return null;
  return element(`div.note${grave ? ".ill" : ""}`, {},
    data.error && element("p", {}, element("b", {}, data.errorCode ? `${data.errorCode}: ` : ""), data.error),
    data.attempts[0]?.cause && grave && element("p", {}, `Most likely: ${data.attempts[0].cause}.`),
    data.advice && element("p", {}, data.advice));
}

function figures() {
  const { oldestUndelivered: oldest, failingSince, next, lastAnswered, heartbeatPeriod } = data;
  return element("dl.figures", {},
    data.numbers && figure("Events so far", many(data.events)),
    data.numbers && figure("Delivered through", many(data.delivered)),
    figure("Undelivered", many(data.undelivered), oldest && ["oldest ", ticking("age", oldest)]),
    figure("Failures in a row", many(data.failures), failingSince && ["since ", instant(failingSince)]),
    figure("Next", next ? ticking("until", next.at) : "nothing due", next?.kind),
    figure("Last answer", lastAnswered ? ticking("since", lastAnswered) : "never",
      heartbeatPeriod && `heartbeat every ${span(heartbeatPeriod)}`),
    data.sockets !== null && figure("Bound sockets", many(data.sockets)));
}

function facts() {
  const lines = (texts) => texts.map((text) => element("div", {}, element("code", {}, text)));
  return element("div.wide", {}, element("table.facts", {}, element("tbody", {},
    row("Reason", data.reason),
    row("Topic", [element("span", {}, data.isClassic ? "criteria on" : data.topicTitle), " ",
      element("code", {}, data.topicVersion || data.topic)]),
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
    data.administrative && row("Administrative", "an administrator made it for others; its identifier names it"),
    row("Created", instant(data.created)),
    row("Version", data.version))));
}

function attempts(tries) {
  if (!tries.length) {
    const words = data.channel === "websocket" ? "A socket is written to: there are no attempts." : "None yet.";
    return element("p.soft", {}, words);
  }
  const longest = Math.max(...tries.map((each) => each.milliseconds));
  const { table, body } = cards("Attempts, newest first", ATTEMPT);
  put(body, tries.map((each) => card(ATTEMPT, [
    instant(each.at),
    [each.kind, each.last > 0 && ` #${each.first}`, each.last > each.first && `..${each.last}`],
    [status(each.outcome === "delivered" ? "delivered" : "failed", each.outcome),
      each.status && ` ${each.status}`,
      each.reason && element("div.reason", { title: each.cause }, each.reason)],
    milliseconds(each.milliseconds),
    [phases(each, each.milliseconds, longest), each.address && element("div.soft", {}, each.address)],
  ])));
  return table;
}

function show(given) {
  data = given;
  const { at, numbers, attempts: tries, ...rest } = given;
  setClock(at);
  heading.textContent = given.name || given.id;
  document.title = `${heading.textContent} - fhir-hub`;
  renew(spoken, [given.condition, given.status, given.undelivered > 0], () => [
    status(given.condition), given.condition !== given.status && ` (${given.status})`,
    element("span.soft", {}, ` · ${given.release} `, element("code", {}, `Subscription/${given.id}`)),
    given.undelivered ? " · behind" : " · nothing undelivered"]);
  renew(parts.standing, [rest, tries[0]?.cause], standing);
  renew(parts.actions, [given.status, given.endpoint, given.isClassic], bar);
  renew(parts.figures, rest, figures);
  renew(parts.attempts, tries, attempts);
  renew(parts.facts, rest, facts);
  if (numbers) (drawLine ??= numberLine(parts.line, replay))(given);
  else renew(parts.line, null, () =>
    element("p.soft", {}, "Its criteria are a search: nothing it is sent has a number."));
  if (location.hash === "#replay") {
    history.replaceState(null, "", location.pathname + location.search);
    replay();
  }
}

function fail(error) {
  renew(spoken, error.message, (words) => element("span.ill", {}, `✗ ${words}`));
  if ([404, 410].includes(error.status)) Object.values(parts).forEach((part) => part.replaceChildren());
}

const again = follow(show, fail, 2);
const { bar, replay } = actionsOn({ release, id, data: () => data, again, fail });

onKey("r", "replay events", () => replay());
onKey("e", "explain", () => location.assign(explainPath(release, id)));
onKey("Escape", "back to all Subscriptions", () => location.assign("/subscriptions"));
