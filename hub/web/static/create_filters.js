/** A topic's filters as fields: each with the comparisons that the topic allows. */

import { element, fill } from "./element.js";
import { sayIssues } from "./create_place.js";
import { twin } from "./hub.js";

const SHOWN = 8;
const EXAMPLES = {
  reference: "Type/id", token: "code or system|code", date: "2026-01-31", string: "how it begins", uri: "https://...", quantity: "5.4", number: "5",
};
const WORDS = {
  "": "is", not: "is not", ne: "≠", gt: ">", lt: "<", ge: "≥", le: "≤", sa: "begins after", eb: "ends before", ap: "about",
  exact: "is exactly", identifier: "has identifier", in: "in value set", "not-in": "not in value set",
  "missing true": "is missing", "missing false": "is there",
};
const list = document.getElementById("field-filterBy");
const said = document.getElementById("filterBy-said");

export class Filters {
  constructor(changed) {
    this.changed = changed;
    this.rows = [];
  }

  /** Shows the filters of a topic, with the texts of a link filled in. */
  async show(topic, texts) {
    this.topic = topic;
    const { filters } = topic ? await twin(new URL(topic.page).pathname) : { filters: [] };
    if (this.topic !== topic) return;
    this.rows = filters.map((each) => new Row(each, this));
    const unknown = texts.filter((text) => !this.read(text));
    const rows = this.rows.map((row) => row.element);
    fill(list, rows.slice(0, SHOWN), rows.length > SHOWN &&
      element("details", { open: this.rows.slice(SHOWN).some((row) => row.isFilled) },
        element("summary", {}, `${rows.length - SHOWN} more filters`), rows.slice(SHOWN)));
    this.words = unknown.length ? `✗ this topic has no filter for ${unknown.join(", ")}`
      : rows.length ? "All must hold; several values with commas are alternatives."
        : topic && "None: every event of the topic is told.";
    this.mark([]);
  }

  /** Fills a text in, into a row of its own where that of the filter is taken; false if there is none. */
  read(text) {
    const row = this.rows.find((each) => each.choice(text));
    if (!row) return false;
    (row.isFilled ? this.another(row) : row).fill(row.choice(text));
    return true;
  }

  /** Returns a row for another condition on the parameter of one. */
  another(row) {
    const next = new Row(row.filter, this);
    this.rows.splice(this.rows.indexOf(row) + 1, 0, next);
    row.element.after(next.element);
    return next;
  }

  filled() {
    return this.rows.filter((row) => row.isFilled);
  }

  mark(issues) {
    sayIssues(said, list, issues);
    if (!issues.length) fill(said, this.words);
  }
}

let count = 0;

class Row {
  constructor(filter, filters) {
    this.filter = filter;
    const name = `${filter.resource}?${filter.parameter}`;
    const id = `filter-${(count += 1)}`;
    const modifiers = filter.modifiers.filter((each) => each !== "type")
      .flatMap((each) => (each === "missing" ? ["missing true", "missing false"] : each));
    this.options = ["", ...filter.comparators, ...modifiers];
    this.how = element("select", { "aria-label": `how ${name} compares`, change: () => this.showHow() },
      this.options.map((value) => element("option", { value }, WORDS[value] ?? value)));
    this.input = element("input", {
      id, type: "text", spellcheck: "false", placeholder: EXAMPLES[filter.type], "aria-describedby": `${id}-said ${id}-hint`,
    });
    this.said = element("p.said", { id: `${id}-said` });
    this.element = element("div.filter", {},
      element("label", { for: id }, element("code", {}, name)),
      element("p.soft.hint", { id: `${id}-hint` }, element("span", {}, filter.description),
        filter.releases.length < 3 && ` Only in ${filter.releases.join(" and ")}.`),
      this.how, this.input,
      element("button.plain", { type: "button", "aria-label": `one more condition on ${name}`, click: () => filters.another(this).input.focus() }, "+"),
      this.said);
  }

  get isFilled() {
    return this.input.hidden || this.input.value.trim() !== "";
  }

  showHow() {
    this.input.hidden = this.how.value.startsWith("missing ");
  }

  value() {
    const { resource, parameter, comparators } = this.filter;
    const [how, given] = this.how.value.split(" ");
    const kind = how && { [comparators.includes(how) ? "comparator" : "modifier"]: how };
    return { resourceType: resource, filterParameter: parameter, ...kind, value: given ?? this.input.value };
  }

  /** The filter as a search string, `Task?owner:not=Organization/lab`. */
  text() {
    const { resourceType, filterParameter, comparator = "", modifier, value } = this.value();
    return `${resourceType}?${filterParameter}${modifier ? `:${modifier}` : ""}=${comparator}${value}`;
  }

  /** What to fill in for a search string, with type or without; undefined where it is another filter's. */
  choice(text) {
    const { resource, parameter, comparators } = this.filter;
    for (const name of [`${resource}?${parameter}`, parameter]) {
      const [, modifier, value] = (text.startsWith(name) && text.slice(name.length).match(/^(?::([\w-]+))?=(.*)$/s)) || [];
      if (value === undefined) continue;
      const comparator = modifier ? "" : comparators.find((each) => value.startsWith(each)) ?? "";
      const [how, rest] = modifier === "missing" ? [`missing ${value}`, ""] : [modifier ?? comparator, value.slice(comparator.length)];
      if (this.options.includes(how)) return { how, value: rest };
    }
    return undefined;
  }

  fill({ how, value }) {
    this.how.value = how;
    this.input.value = value;
    this.showHow();
  }

  mark(issues) {
    sayIssues(this.said, this.input, issues);
  }
}
