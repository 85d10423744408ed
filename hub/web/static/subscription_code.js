/** A Subscription as commands: what would create it again. */

import { element } from "./element.js";
import { fhir } from "./hub.js";
import { copyButton } from "./page.js";
import { decide } from "./decision.js";

const GIVEN_BY_THE_HUB = ["id", "meta", "text", "error"];
const MASK = "***";

/** What a client would send to create it: nothing of it was given by the hub. */
async function wanted(data) {
  const resource = await fhir(data.release.toLowerCase(), `Subscription/${encodeURIComponent(data.id)}`);
  for (const name of GIVEN_BY_THE_HUB) delete resource[name];
  return { ...resource, status: "requested" };
}

const base = (data) => `${location.origin}/fhir/${data.release.toLowerCase()}`;

async function curl(data) {
  const body = JSON.stringify(await wanted(data), null, 1).replaceAll("'", "'\\''");
  return `curl -X POST '${base(data)}/Subscription' \\\n  -H 'Content-Type: application/fhir+json' \\\n  -d '${body}'`;
}

async function script(data) {
  const create = `const created = await fetch("${base(data)}/Subscription", {
  method: "POST",
  headers: { "content-type": "application/fhir+json" },
  body: JSON.stringify(${JSON.stringify(await wanted(data), null, 2).replaceAll("\n", "\n  ")}),
});
const { id } = await created.json();`;
  if (data.channel !== "websocket" || data.isClassic) return create;
  return `import { subscribe } from "${location.origin}/static/subscribe.js";

// This very Subscription; every socket that binds is sent its events.
subscribe("${base(data)}/Subscription/${data.id}", {
  onEvent: ({ number, focus }) => console.log(number, focus),
});

/* To create another one like it:
${create.replaceAll("*/", "*\\/")}
*/`;
}

/** Shows it as a command of curl, or as JavaScript. */
export async function showCode(data, kind) {
  const text = await (kind === "curl" ? curl(data) : script(data));
  const block = element("pre", {}, element("code", {}, text));
  block.append(copyButton(() => text));
  decide({
    title: kind === "curl" ? "As curl" : "As JavaScript",
    inside: [
      data.headers.length > 0 && element("p.note", {}, `Header values are masked here: put yours in place of ${MASK}.`),
      block,
    ],
  });
}
