/** What can be done with a Subscription; each asks before, and says what will happen. */

import { decide } from "./decision.js";
import { element } from "./element.js";
import { fhir } from "./hub.js";
import { milliseconds, phases } from "./phases.js";
import { status } from "./status.js";
import { showCode } from "./subscription_code.js";

export const explainPath = (release, id) => `/explain?release=${release}&subscription=${id}`;
const paragraph = (...inside) => element("p", {}, inside);

/**
 * The actions on the Subscription that `data()` tells of; `again(true)` asks for it anew.
 * @returns `bar` makes their buttons, `replay(first, last)` asks which numbers to send once more
 */
export function actionsOn({ release, id, data, again, fail }) {
  const path = `Subscription/${id}`;
  const matching = () => ({ "if-match": `W/"${data().version}"` });

  /** Changes the status, if nobody has changed the Subscription since it was shown. */
  async function setStatus(value) {
    try {
      await fhir(release, path, {
        method: "PATCH",
        body: [{ op: "replace", path: "/status", value }],
        headers: { "content-type": "application/json-patch+json", ...matching() },
      });
    } finally {
      again(true);
    }
  }

  const reactivate = () => decide({
    title: "Reactivate",
    verb: "Reactivate",
    inside: paragraph("Its status becomes requested; after a handshake it is active, and what is still kept goes first."),
    run: () => setStatus("requested"),
  });

  const switchOff = () => decide({
    title: "Switch off",
    verb: "Switch it off",
    isGrave: true,
    inside: paragraph("Nothing more is sent. What happens while it is off gets no number and is never sent; ",
      "reactivate it to go on."),
    run: () => setStatus("off"),
  });

  const remove = () => decide({
    title: "Delete",
    verb: "Delete it",
    isGrave: true,
    inside: paragraph("Nothing more of ", element("b", {}, data().name || path),
      " is counted or sent, and its events can't be read any more."),
    run: async () => {
      await fhir(release, path, { method: "DELETE", headers: matching() });
      location.assign("/subscriptions");
    },
  });

  const verify = () => decide({
    title: "Verify the endpoint",
    verb: "Send a handshake",
    inside: paragraph("The hub sends a handshake to ", element("code", {}, data().endpoint),
      " now. Nothing about the Subscription changes."),
    run: async () => {
      const answer = await fhir(release, `${path}/$verify`, { method: "POST" });
      const told = Object.fromEntries((answer.parameter ?? []).map(({ name, ...value }) => [name, Object.values(value)[0]]));
      const [sign, words] = told.outcome === "delivered" ? ["delivered", "the endpoint took it"] : ["failed", told.outcome];
      return element("div.panel", {},
        paragraph(status(sign, words), told.status && ` HTTP ${told.status}`, told.address && ` from ${told.address}`),
        [told.reason, told.cause].filter(Boolean).map((text) => paragraph(text)),
        paragraph(phases(told, told.total, told.total), ` · ${milliseconds(told.total)} in all`));
    },
  });

  function replay(first, last) {
    if (!data()?.numbers) return;
    const { numbers: { lowestKept: kept }, delivered } = data();
    const field = (name, value) => element("label", {}, `${name} `, element("input", {
      type: "number", name, value, min: kept, max: Math.max(kept, delivered), step: "1", required: true,
    }));
    decide({
      title: "Replay events",
      verb: "Send again",
      inside: [
        paragraph("They are sent once more with the numbers they had, at most 1,000 in one call. ",
          delivered < kept ? "Nothing that was sent is kept." : `${kept} to ${delivered} can be replayed.`),
        element("div.tools", {}, field("From", first ?? Math.max(kept, delivered - 9)), field("To", last ?? delivered)),
      ],
      run: async (form) => {
        const { From, To } = Object.fromEntries(new FormData(form));
        const asked = `${path}/$resend?eventsSinceNumber=${From}&eventsUntilNumber=${To}`;
        const answer = await fhir(release, asked, { method: "POST" });
        again(true);
        return answer.issue.map((issue) => issue.diagnostics).join(". ");
      },
    });
  }

  function bar() {
    const { status: standing, endpoint, numbers } = data();
    const button = (name, action) => element("button.plain", { type: "button", click: action }, name);
    const code = (name, kind) => button(name, () => showCode(data(), kind).catch(fail));
    const isServed = ["active", "requested"].includes(standing);
    return element("div.actions", {},
      ["error", "off"].includes(standing) && element("button", { type: "button", click: reactivate }, "Reactivate"),
      endpoint && button("Verify endpoint", verify),
      numbers && button("Replay", () => replay()),
      isServed && button("Switch off", switchOff),
      element("a.button", { href: explainPath(release, id) }, "Explain"),
      code("As curl", "curl"), code("As JavaScript", "script"), button("Delete", remove));
  }

  return { bar, replay };
}
