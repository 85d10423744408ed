/** The headers that the hub is to send; their values never stand in the address. */

import { element } from "./element.js";
import { sayIssues } from "./create_place.js";

export class Headers {
  constructor(changed) {
    this.changed = changed;
    this.rows = [];
    this.count = 0;
    this.list = element("div", {});
    this.said = element("p.said", {});
    this.element = element("div.field", { role: "group", "aria-label": "Headers" },
      element("span.label", {}, "Headers"), this.list, this.said,
      element("button.plain", { type: "button", click: () => this.add().name.focus() }, "Add a header"));
  }

  add(name = "") {
    const row = new Row(this, (this.count += 1), name);
    this.rows.push(row);
    this.list.append(row.element);
    return row;
  }

  remove(row) {
    this.rows = this.rows.filter((each) => each !== row);
    row.element.remove();
    this.element.lastElementChild.focus();
    this.changed();
  }

  /** Shows the names of a link; their values have to be typed again. */
  restore(names) {
    this.rows = [];
    this.list.replaceChildren();
    for (const name of names) this.add(name);
  }

  filled() {
    return this.rows.filter((row) => row.name.value.trim() || row.secret.value);
  }

  mark(issues) {
    sayIssues(this.said, this.list, issues);
  }
}

class Row {
  constructor(headers, number, name) {
    const said = `header-${number}-said`;
    this.name = element("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "Authorization", "aria-label": `name of header ${number}`, "aria-describedby": said });
    this.name.value = name;
    this.secret = element("input", { type: "password", autocomplete: "off", placeholder: name ? "type it again" : "value", "aria-label": `value of header ${number}`, "aria-describedby": said });
    this.said = element("p.said", { id: said });
    this.element = element("div.header", {}, this.name, this.secret,
      element("button.plain", { type: "button", "aria-label": `remove header ${number}`, click: () => headers.remove(this) }, "×"),
      this.said);
  }

  value() {
    return { name: this.name.value, value: this.secret.value };
  }

  mark(issues) {
    sayIssues(this.said, this.name.value.trim() ? this.secret : this.name, issues);
  }
}
