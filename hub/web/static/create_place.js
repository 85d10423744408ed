/** One field, and what the hub says of it. */

import { element, fill } from "./element.js";

export class Place {
  constructor(name) {
    this.control = document.getElementById(`field-${name}`);
    this.said = document.getElementById(`${name}-said`);
    this.radios = [...this.control.querySelectorAll("[type=radio]")];
    this.touched = false;
    this.control.addEventListener("change", () => { this.touched = true; });
  }

  get text() {
    return this.radios.length ? this.radios.find((each) => each.checked)?.value ?? "" : this.control.value.trim();
  }

  set text(value) {
    if (!this.radios.length) this.control.value = value;
    for (const each of this.radios) each.checked = each.value === value;
  }

  /** Shows what was refused; what nobody has filled in yet is only called needed. */
  mark(issues) {
    sayIssues(this.said, this.control, issues, !this.text && !this.touched);
  }
}

/** Writes refusals into a place, and marks the control that they are about. */
export function sayIssues(place, control, issues, isWaiting = false) {
  const isWrong = issues.length > 0 && !isWaiting;
  if (isWrong) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
  place.className = `said ${isWrong ? "ill" : "soft"}`;
  fill(place, issues.map(({ words, help, slug }) =>
    element("span", {}, isWaiting ? "○ needed" : ["✗ ", element("bdi", {}, words), " ", help && element("a", { href: help }, slug)])));
}
