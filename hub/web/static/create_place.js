/** One field with its label, its hint and what the hub says of it. */

import { element, fill } from "./element.js";

export class Place {
  constructor(name, label, control, hint) {
    this.control = control;
    this.touched = false;
    const id = `field-${name}`;
    const isGroup = control.localName === "div";
    control.id = id;
    control.setAttribute("aria-describedby", `${id}-said${hint ? ` ${id}-hint` : ""}`);
    this.said = element("p.said", { id: `${id}-said` });
    this.element = element("div.field", {},
      isGroup ? element("span.label", {}, label) : element("label", { for: id }, label),
      control, hint && element("p.soft.hint", { id: `${id}-hint` }, hint), this.said);
    this.element.addEventListener("change", () => { this.touched = true; });
  }

  get isEmpty() {
    return this.control.localName !== "div" && !this.control.value;
  }

  /** Says something, without calling the field wrong. */
  say(words) {
    fill(this.said, words);
  }

  /** Shows what was refused; what nobody has filled in yet is only called needed. */
  mark(issues) {
    sayIssues(this.said, this.control, issues, this.isEmpty && !this.touched);
  }
}

/** Writes refusals into a place, and marks the control that they are about. */
export function sayIssues(place, control, issues, isWaiting = false) {
  const isWrong = issues.length > 0 && !isWaiting;
  control.toggleAttribute("aria-invalid", false);
  if (isWrong) control.setAttribute("aria-invalid", "true");
  place.className = `said ${isWrong ? "ill" : "soft"}`;
  const lines = issues.map((each) =>
    element("span", {}, isWrong ? "✗ " : "○ ", isWaiting ? "needed" : [each.words, " "],
      !isWaiting && each.help && element("a", { href: each.help }, each.slug)));
  if (place.textContent !== lines.map((each) => each.textContent).join("")) fill(place, lines);
}
