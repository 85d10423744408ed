/** The list of Subscriptions, worst first. */

import { card, cards } from "./cards.js";
import { setClock, ticking } from "./clock.js";
import { element, span } from "./element.js";
import { RELEASES } from "./hub.js";
import { onKey, walk } from "./keys.js";
import { follow, renew, renewAll } from "./renewal.js";
import { status } from "./status.js";

const place = (id) => document.getElementById(id);
const address = (each) => `/subscriptions/${each.release.toLowerCase()}/${encodeURIComponent(each.id)}`;

const COLUMNS = [
  ["Status", (each) => [each.condition, each.status, each.error, each.errorCode], ([condition, given, error, code]) => [
    status(condition), condition !== given && element("span.soft", {}, ` ${given}`),
    error && element("div.reason", { title: code }, error)]],
  ["Subscription", (each) => [each.name, each.release, each.id], ([name, release, id]) => [
    element("a", { href: address({ release, id }) }, name || id),
    element("div.soft", {}, `${release} · `, element("code", {}, id))]],
  ["Topic", (each) => [each.topicTitle, each.topic, each.filters], ([title, topic, filters]) => [
    element("span", { title: topic }, title ?? topic), filters.map((filter) => element("div", {}, element("code", {}, filter)))]],
  ["Channel", (each) => [each.channel, each.endpoint, each.sockets, each.content], ([channel, endpoint, sockets, content]) => [
    element("span", { title: content }, channel), endpoint && element("div.soft", {}, endpoint),
    sockets !== null && element("div.soft", {}, sockets === 1 ? "1 socket" : `${sockets} sockets`)]],
  ["Events", (each) => each.events, count, "number"],
  ["Delivered", (each) => each.delivered, count, "number"],
  ["Lag", (each) => [each.undelivered, each.oldestUndelivered], ([undelivered, oldest]) => undelivered
    ? [count(undelivered), oldest && element("div.soft", {}, "oldest ", ticking("age", oldest))] : element("span.soft", {}, "none")],
  ["Tries", (each) => [each.failures, each.next, each.failingSince], ([failures, next, since]) => [
    failures ? element("div", { title: `since ${since}` }, `${failures} failed`) : null,
    next ? element("div", {}, `${next.kind} `, ticking("until", next.at)) : element("span.soft", {}, "nothing due")]],
  ["Last answer", (each) => [each.lastAnswered, each.heartbeatPeriod], ([answered, period]) => [
    answered ? ticking("since", answered) : element("span.soft", {}, "never"),
    period && element("div.soft", {}, `heartbeat every ${span(period)}`)]],
];

function count(number) {
  return number === null ? element("span.soft", {}, "not counted") : number.toLocaleString();
}

const search = element("input", {
  type: "search", name: "q", value: new URLSearchParams(location.search).get("q") ?? "",
  placeholder: "status:error channel:rest-hook lab", autocomplete: "off", spellcheck: "false",
});
const choice = element("select", { name: "release" },
  element("option", { value: "" }, "all"),
  Object.entries(RELEASES).map(([value, name]) => element("option", {
    value, selected: value === new URLSearchParams(location.search).get("release") }, name)));
const heads = COLUMNS.map(([name, , , kind]) => [name, kind]);
const { table, body } = cards("Subscriptions, worst first", heads);

place("tools").append(
  element("label", {}, "Search ", search),
  element("label", {}, "Release ", choice),
  element("span.soft", {}, element("kbd", {}, "j"), " ", element("kbd", {}, "k"), " move, ",
    element("kbd", {}, "Enter"), " opens, ", element("kbd", {}, "?"), " all keys"));
place("list").append(table);

function show(data) {
  setClock(data.at);
  const words = Object.entries(data.conditions).map(([name, number]) => [status(name, `${number.toLocaleString()} ${name}`), " "]);
  const shown = data.subscriptions.length;
  renew(place("summary"), [data.total, data.conditions, shown, search.value], () => [
    data.total ? [`${data.total.toLocaleString()} in all: `, words] : [search.value ? "None fits the search. " : "There are none yet. ",
      element("a", { href: "/subscribe" }, "Create one")],
    shown < data.total && `The ${shown} worst are shown; search for others.`]);
  table.hidden = !data.total;
  renewAll(body, data.subscriptions, (each) => `${each.release}/${each.id}`, () => card(heads), (made, each) => {
    COLUMNS.forEach(([, value, make], at) => renew(made.children[at].firstChild, value(each), make));
  });
}

function fail(error) {
  renew(place("summary"), error.message, (words) => element("span.ill", {}, `✗ ${words}`));
}

const again = follow(show, fail);

function changed() {
  const query = new URLSearchParams();
  if (search.value.trim()) query.set("q", search.value.trim());
  if (choice.value) query.set("release", choice.value);
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  again();
}
let typed = null;
search.addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(changed, 250);
});
choice.addEventListener("change", changed);

const links = () => [...body.querySelectorAll("a")];
const current = walk(links, (link) => link.click());
const go = (make) => () => current() && location.assign(make(new URL(current().href).pathname));
onKey("r", "replay events of the row", go((path) => `${path}#replay`));
onKey("e", "explain for the row", go((path) => {
  const [, , release, id] = path.split("/");
  return `/explain?release=${release}&subscription=${id}`;
}));
