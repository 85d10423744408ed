/** What a Subscription is in R4, R4B and R5, side by side; on a phone one of them. */

import { element, fill } from "./element.js";
import { identity, RELEASES } from "./hub.js";
import { copyButton } from "./page.js";
import { status } from "./status.js";

export class Forms {
  /** `changed` is called when another release is chosen. */
  constructor(release, changed) {
    this.last = null;
    this.panels = {};
    this.signs = {};
    const choices = Object.entries(RELEASES).map(([value, name]) => {
      this.signs[value] = element("span.sign", {});
      this.panels[value] = element("section.panel", { "aria-label": name, "data-release": value });
      const input = element("input", { type: "radio", name: "release", value, change: () => this.choose(value) });
      return element("label", {}, input, ` ${name} `, this.signs[value]);
    });
    this.choice = element("fieldset.choices", {}, element("legend", {}, "Release"), choices);
    this.element = element("div.forms", {}, Object.values(this.panels));
    this.choose(release);
    this.changed = changed;
  }

  choose(release) {
    this.chosen = release;
    for (const input of this.choice.querySelectorAll("input")) input.checked = input.value === release;
    for (const [each, panel] of Object.entries(this.panels)) panel.classList.toggle("chosen", each === release);
    this.changed?.();
  }

  /** Shows what the hub answered to a form. */
  show(told, asked) {
    this.last = { told, asked };
    for (const [release, name] of Object.entries(RELEASES)) {
      const each = told[name];
      fill(this.signs[release], status(each.accepted ? "ok" : "error", each.accepted ? "accepted" : "refused"));
      fill(this.panels[release], element("h2", {}, name), issues(each.issues), each.resource && texts(each, asked));
    }
  }
}

function issues(found) {
  const items = found.map((each) => {
    const isWrong = each.severity !== "information";
    return element("li", { class: isWrong ? "ill" : "soft" }, isWrong ? "✗ " : "· ", each.words, " ",
      each.help && element("a", { href: each.help }, each.slug));
  });
  return element("ul.issues", {}, items);
}

function texts({ url, resource, shown }, asked) {
  const hides = asked.body.parameter.length > 0;
  return [
    block("JSON", json(shown), json(resource)),
    element("details", {}, element("summary", {}, "as curl"), block("curl", curl(url, shown), curl(url, resource))),
    hides && element("p.soft", {}, "Values of headers are hidden here; what you copy has them."),
  ];
}

function block(name, shown, copied) {
  return element("pre", { tabindex: "0", "aria-label": name }, element("code", {}, shown), copyButton(() => copied));
}

const json = (value) => JSON.stringify(value, null, 2);

/** The request as a shell takes it; a token is a variable of the shell, never the token itself. */
function curl(url, resource) {
  const quoted = `'${json(resource).replaceAll("'", "'\\''")}'`;
  const token = identity().authorization ? ' \\\n  -H "Authorization: Bearer $TOKEN"' : "";
  return `curl -i '${url}' \\\n  -H 'Content-Type: application/fhir+json'${token} \\\n  -d ${quoted}`;
}
