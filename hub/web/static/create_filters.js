/** A topic's filters as fields: each with the comparisons that the topic allows. */

import { element, fill } from "./element.js";
import { sayIssues } from "./create_place.js";
import { twin } from "./hub.js";

const SHOWN = 8;
const EXAMPLES = {
  reference: "Organization/lab", token: "code or system|code", date: "2026-01-31", string: "beginning of the text",
  uri: "https://...", quantity: "5.4", number: "5",
};
const WORDS = {
  "": "is", not: "is not", eq: "is", ne: "≠", gt: ">", lt: "<", ge: "≥", le: "≤", sa: "begins after", eb: "ends before",
  ap: "about", contains: "contains", exact: "is exactly", identifier: "has identifier", in: "in value set",
  "not-in": "not in value set", above: "above", below: "below", text: "text",
};

export class Filters {
  constructor(changed) {
    this.changed = changed;
    this.rows = [];
    this.said = element("p.said", { id: "field-filterBy-said" });
    this.list = element("div.filters", {});
    this.element = element("div.field", { role: "group", "aria-label": "Filters" },
      element("span.label", {}, "Filters"), this.said, this.list);
  }

  /** Shows the filters of a topic, with the texts of a link filled in. */
  async show(topic, texts) {
    this.topic = topic;
    const told = topic ? await twin(new URL(topic.page).pathname) : { filters: [] };
    if (this.topic !== topic) return;
    const rows = told.filters.map((each) => new Row(each, this));
    const unknown = [];
    for (const text of texts) {
      const row = rows.find((each) => each.reads(text));
      if (!row) unknown.push(text);
      else if (!row.input.value && !row.isFilled) row.read(text);
      else rows.splice(rows.indexOf(row) + 1, 0, new Row(row.filter, this)), rows[rows.indexOf(row) + 1].read(text);
    }
    this.rows = rows;
    const first = rows.filter((row, index) => index < SHOWN);
    const others = rows.slice(SHOWN);
    fill(this.list, first.map((row) => row.element), others.length > 0 &&
      element("details", { open: others.some((row) => row.isFilled) },
        element("summary", {}, `${others.length} more filters`), others.map((row) => row.element)));
    fill(this.said, unknown.length > 0 && `✗ this topic has no filter for ${unknown.join(", ")}`,
      topic && rows.length === 0 && "This topic has no filters: all its events are told.",
      topic && rows.length > 0 && unknown.length === 0 && "All must hold; several values with commas are alternatives.");
    this.said.className = `said ${unknown.length ? "ill" : "soft"}`;
  }

  /** Another condition on the parameter of a row. */
  another(row) {
    const next = new Row(row.filter, this);
    this.rows.splice(this.rows.indexOf(row) + 1, 0, next);
    row.element.after(next.element);
    next.input.focus();
  }

  filled() {
    return this.rows.filter((row) => row.isFilled);
  }

  mark(issues) {
    if (issues.length) sayIssues(this.said, this.list, issues);
    else this.list.removeAttribute("aria-invalid");
  }
}

class Row {
  constructor(filter, filters) {
    this.filter = filter;
    const name = `${filter.resource}?${filter.parameter}`;
    const id = `filter-${name}-${filters.rows.length}-${Math.random().toString(36).slice(2, 7)}`;
    const options = ["", ...filter.comparators, ...filter.modifiers.filter((each) => each !== "missing" && each !== "type")]
      .map((value) => element("option", { value }, WORDS[value] ?? `:${value}`));
    if (filter.modifiers.includes("missing")) {
      options.push(element("option", { value: "missing true" }, "is missing"), element("option", { value: "missing false" }, "is there"));
    }
    this.how = element("select", { "aria-label": `how ${name} compares` }, options);
    this.input = element("input", {
      id, type: "text", autocomplete: "off", spellcheck: "false", placeholder: EXAMPLES[filter.type] ?? "",
      "aria-describedby": `${id}-said ${id}-hint`,
    });
    this.said = element("p.said", { id: `${id}-said` });
    const releases = filter.releases.length < 3 ? ` Only in ${filter.releases.join(" and ")}.` : "";
    this.element = element("div.filter", {},
      element("label", { for: id }, element("code", {}, name)),
      element("p.soft.hint", { id: `${id}-hint` }, filter.description ?? "", releases),
      this.how, this.input,
      element("button.plain", { type: "button", "aria-label": `one more condition on ${name}`, click: () => filters.another(this) }, "+"),
      this.said);
    this.how.addEventListener("change", () => this.showHow());
  }

  get isFilled() {
    return this.how.value.startsWith("missing ") || this.input.value.trim() !== "";
  }

  showHow() {
    this.input.hidden = this.how.value.startsWith("missing ");
  }

  value() {
    const { resource, parameter, comparators } = this.filter;
    const [how, given] = this.how.value.split(" ");
    const value = given ?? this.input.value;
    const kind = how === "" ? {} : comparators.includes(how) ? { comparator: how } : { modifier: how };
    return { resourceType: resource, filterParameter: parameter, ...kind, value };
  }

  /** The filter as a search string, `Task?owner:not=Organization/lab`. */
  text() {
    const { resourceType, filterParameter, comparator = "", modifier, value } = this.value();
    return `${resourceType}?${filterParameter}${modifier ? `:${modifier}` : ""}=${comparator}${value}`;
  }

  /** What stands behind this row's name in a text: modifier and value; null if the text is another's. */
  rest(text) {
    const { resource, parameter } = this.filter;
    const name = [`${resource}?${parameter}`, parameter].find((each) =>
      text.startsWith(`${each}=`) || text.startsWith(`${each}:`));
    const [, modifier = "", value] = name === undefined ? [] : text.slice(name.length).match(/^(?::([\w-]+))?=(.*)$/s) ?? [];
    return value === undefined ? null : { modifier, value };
  }

  reads(text) {
    const found = this.rest(text);
    return found !== null && this.choice(found) !== null;
  }

  choice({ modifier, value }) {
    const all = [...this.how.options].map((option) => option.value);
    if (modifier === "missing") return all.includes(`missing ${value}`) ? { how: `missing ${value}`, value: "" } : null;
    if (modifier) return all.includes(modifier) ? { how: modifier, value } : null;
    const comparator = this.filter.comparators.find((each) => value.startsWith(each));
    return comparator ? { how: comparator, value: value.slice(2) } : { how: "", value };
  }

  read(text) {
    const { how, value } = this.choice(this.rest(text));
    this.how.value = how;
    this.input.value = value;
    this.showHow();
  }

  mark(issues) {
    sayIssues(this.said, this.input, issues);
  }
}
