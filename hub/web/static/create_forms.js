/** What a Subscription is in R4, R4B and R5, side by side; on a phone one of them. */

import { element, fill } from "./element.js";
import { identity, RELEASES } from "./hub.js";
import { copyButton } from "./page.js";
import { status } from "./status.js";

const panels = [...document.querySelectorAll("[data-release]")];
const radios = [...document.querySelectorAll("[name=release]")];

export class Forms {
  /** `changed` is called when somebody chooses another release. */
  constructor(changed) {
    this.last = null;
    for (const radio of radios) {
      radio.addEventListener("change", () => {
        this.choose(radio.value);
        changed();
      });
    }
  }

  choose(release) {
    this.chosen = release;
    for (const radio of radios) radio.checked = radio.value === release;
    for (const panel of panels) panel.classList.toggle("chosen", panel.dataset.release === release);
  }

  /** Shows what the hub answered to a form. */
  show(told, asked) {
    this.last = { told, asked };
    for (const panel of panels) {
      const { release } = panel.dataset;
      const each = told[RELEASES[release]];
      const sign = status(each.accepted ? "ok" : "error", each.accepted ? "accepted" : "refused");
      fill(document.getElementById(`sign-${release}`), sign);
      fill(panel, element("h2", {}, RELEASES[release]), element("ul.issues", {}, each.issues.map(issue)),
        each.resource && texts(each, asked.rows.parameter.length > 0, panel.querySelector("details")?.open));
    }
  }
}

function issue({ severity, words, help, slug }) {
  const isWrong = severity !== "information";
  return element(`li.${isWrong ? "ill" : "soft"}`, {}, isWrong ? "✗ " : "· ", element("span", {}, words), " ", help && element("a", { href: help }, slug));
}

function texts({ url, resource, shown }, hides, open) {
  return [
    block("JSON", json(shown), json(resource)),
    element("details", { open }, element("summary", {}, "as curl"), block("curl", curl(url, shown), curl(url, resource))),
    hides && element("p.soft", {}, "Values of headers are hidden here; what you copy has them."),
  ];
}

function block(name, shown, copied) {
  return element("pre", { tabindex: "0", role: "group", "aria-label": name }, element("code", {}, shown), copyButton(() => copied));
}

const json = (value) => JSON.stringify(value, null, 2);

/** The request as a shell takes it; a token is a variable of the shell, never the token itself. */
function curl(url, resource) {
  const quoted = `'${json(resource).replaceAll("'", "'\\''")}'`;
  const token = identity().authorization ? ' \\\n  -H "Authorization: Bearer $TOKEN"' : "";
  return `curl -i '${url}' \\\n  -H 'Content-Type: application/fhir+json'${token} \\\n  -d ${quoted}`;
}
