/** The headers that the hub is to send; their values never stand in the address. */

import { element } from "./element.js";
import { sayIssues } from "./create_place.js";

const list = document.getElementById("field-parameter");
const said = document.getElementById("parameter-said");
const more = document.getElementById("header");

export class Headers {
  constructor(changed) {
    this.changed = changed;
    this.rows = [];
    this.count = 0;
    this.element = list.parentElement;
    more.addEventListener("click", () => this.add().name.focus());
  }

  add(name = "") {
    const row = new Row(this, (this.count += 1), name);
    this.rows.push(row);
    list.append(row.element);
    return row;
  }

  remove(row) {
    this.rows = this.rows.filter((each) => each !== row);
    row.element.remove();
    more.focus();
    this.changed();
  }

  /** Shows the names of a link; their values have to be typed again. */
  restore(names) {
    this.rows = [];
    list.replaceChildren();
    for (const name of names) this.add(name);
  }

  filled() {
    return this.rows.filter((row) => row.name.value.trim() || row.secret.value);
  }

  mark(issues) {
    sayIssues(said, list, issues);
  }
}

class Row {
  constructor(headers, number, name) {
    const input = (type, what, placeholder) => element("input", {
      type, placeholder, autocomplete: "off", spellcheck: "false", "aria-label": `${what} of header ${number}`, "aria-describedby": `header-${number}`,
    });
    this.name = input("text", "name", "Authorization");
    this.name.value = name;
    this.secret = input("password", "value", name ? "type it again" : "value");
    this.said = element("p.said", { id: `header-${number}` });
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
