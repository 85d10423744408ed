/** An explanation as a tree: topic, triggers, clauses; filters, their clauses, Subscriptions. */

import { element, referenced } from "./element.js";

const LISTS = new Set(["topic", "trigger", "filters", "subscription", "clause", "found"]);

/** Parameters as plain values, as the page's JSON has them. */
export function plain(parameters) {
  const found = {};
  for (const { name, part, ...value } of parameters) {
    const [only] = Object.values(value);
    const read = part ? plain(part) : only?.reference ?? only;
    if (LISTS.has(name)) (found[name] ??= []).push(read);
    else found[name] = read;
  }
  return found;
}

export const bareName = (canonical) => canonical.split("|")[0].split("/").at(-1);
const nameOf = (subscription) => subscription.name ?? subscription.reference;
const wouldHold = (filters) => filters.accept && !filters.echo;
const holdsOf = (filters) => filters.counted ?? wouldHold(filters);
const code = (text) => element("code", {}, text);
const soft = (text) => element("span.soft", {}, text);
const note = (text) => element("p.soft", {}, text);

/** Whether somebody is told because of this topic. */
export const isTold = (topic) => topic.fires && (topic.filters ?? []).some(holdsOf);

/** Sign and word: never by colour alone. */
export function verdict(holds, yes, no = yes) {
  const [sign, kind, words] = holds === undefined ? ["·", "soft", no] : holds ? ["✓", "well", yes] : ["✗", "ill", no];
  return element(`span.status.${kind}`, {}, element("span", { "aria-hidden": "true" }, sign), " ", words);
}

/** What was there; FHIRPath, and what is fixed for creates and deletes, name no element. */
function there(clause) {
  if (clause.error || /\.result|fhirPath/.test(clause.name)) return clause.error ?? "";
  return `there was ${clause.found?.join(", ") ?? "nothing"}`;
}

const clauses = (owner) => owner.clause && element("ul.plain.clauses", {}, owner.clause.map((clause) => {
  const fails = clause.holds === false;
  return element(fails ? "li.fails" : "li", {},
    verdict(clause.holds, "holds", fails ? "fails" : "can't be said"), " ", soft(clause.name), " ", code(clause.text), " ",
    element(fails ? "b" : "span", {}, there(clause)));
}));

const branch = (open, head, ...inside) => element("details", { open }, element("summary", {}, head), inside);

function trigger(each, isOpen) {
  const why = each["why-not"];
  return branch(isOpen || each.fires, [
    verdict(why ? undefined : each.fires, "fires", why ? "not asked" : "doesn't fire"), ` trigger ${each.index} `,
    soft(why ?? each.error ?? "")],
  clauses(each));
}

const subscription = (each) => element("li", {},
  element("b", {}, nameOf(each)), " ", each.name && referenced(each.reference), ` ${each.channel} `,
  soft(`${each["event-number"] ? `#${each["event-number"]} ` : ""}${each.words ?? each.status}`));

function filters(each, isOpen) {
  const holds = holdsOf(each);
  const who = each.subscription ?? [];
  return branch(isOpen || !holds, [
    verdict(holds, "let through", "stopped"), " filters of ", who.length === 1 ? element("b", {}, nameOf(who[0])) : `${who.length} Subscriptions`],
  each.echo && note("Not told: own echo. Its owner wrote the change and asked for suppress-echo."),
  wouldHold(each) !== holds && note("It was decided otherwise then: other resources changed since, or it came later."),
  each.lost && note("Its party had it before and has it no more: told by reference only."),
  clauses(each) ?? note("There are no filters: all events of the topic pass."),
  element("ul.plain.clauses", {}, who.map(subscription)));
}

/** The first clause that says no, of what decided: "owner=Organization/lab fails: there was nothing". */
export function failing(topic) {
  const asked = topic.fires ? topic.filters ?? [] : topic.trigger ?? [];
  const clause = asked.flatMap((each) => each.clause ?? []).find((each) => each.holds === false);
  if (!clause && asked.some((each) => each.echo)) return "own echo";
  if (!clause) return asked.find((each) => each["why-not"])?.["why-not"] ?? topic["why-not"] ?? "";
  return [code(clause.text), " fails", there(clause) && [": ", element("span", {}, there(clause))]];
}

/** The tree of a topic; `more` is put at its end. */
export function topicTree(topic, isOpen, more) {
  const isHit = isTold(topic);
  const isFree = topic.fires && !topic.filters;
  const no = isFree ? "fires, nobody is subscribed" : topic.fires ? "fires, but filters stop it" : "doesn't fire";
  const made = branch(isOpen, [
    verdict(isFree ? undefined : isHit, "tells somebody", no), " ", element("b", {}, bareName(topic.canonical)), " ",
    !isHit && soft(failing(topic))],
  note(code(topic.canonical)),
  topic.trigger?.map((each) => trigger(each, !topic.fires)),
  topic.filters?.map((each) => filters(each, isHit)),
  topic["left-out"] && note(`And ${topic["left-out"]} more sets of filters that let it not through.`),
  more);
  made.className = "panel topic";
  return made;
}
