/** Asks the hub: FHIR requests, and the data of its pages. */

import { element } from "./element.js";

export const RELEASES = { r4: "R4", r4b: "R4B", r5: "R5" };
const KEPT = "fhir-hub-token";

/** What the hub refused: `message` are its words, `slug` its stable code, `status` the HTTP status. */
export class Refusal extends Error {
  constructor(status, outcome) {
    const [issue] = outcome?.issue ?? [];
    super(issue?.diagnostics ?? issue?.details?.text ?? `the hub answered HTTP ${status}`);
    this.status = status;
    this.issues = outcome?.issue ?? [];
    this.slug = issue?.details?.coding?.[0]?.code ?? "";
  }
}

/** The release that this page is about, from its address (?release=r4). */
export function release() {
  const wanted = new URLSearchParams(location.search).get("release");
  return wanted in RELEASES ? wanted : "r4";
}

/** A select that changes the release in the address and loads the page anew. */
export function releaseChoice() {
  const options = Object.entries(RELEASES).map(([value, name]) =>
    element("option", { value, selected: value === release() }, name));
  const choice = element("select", { name: "release" }, options);
  choice.addEventListener("change", () => {
    const query = new URLSearchParams(location.search);
    query.set("release", choice.value);
    location.search = query;
  });
  return element("label.choice", {}, "Release ", choice);
}

/** Headers of every request: the caller's token, where one was given. */
export function identity() {
  const token = sessionStorage.getItem(KEPT);
  return token ? { authorization: `Bearer ${token}` } : {};
}

/**
 * Sends a request to the hub and returns what it answered, as JSON.
 * @param {string} path from the origin on
 * @param {object} [more] `method`, `body` (a value) or `text` (JSON already), `headers`, `signal`,
 *   `keepalive`; `asText` returns the answer as it was written, numbers and all
 * @throws {Refusal}
 */
export async function ask(path, { body, text: sent = JSON.stringify(body), headers, asText, ...more } = {}) {
  const response = await fetch(path, {
    ...more,
    headers: {
      accept: path.startsWith("/fhir/") ? "application/fhir+json" : "application/json",
      ...(sent === undefined ? {} : { "content-type": "application/fhir+json" }),
      ...identity(),
      ...headers,
    },
    body: sent,
  });
  const text = await response.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    value = null;
  }
  if (response.status === 401 && (await askToken(value))) return ask(path, { text: sent, headers, asText, ...more });
  if (!response.ok) throw new Refusal(response.status, value);
  return asText ? text : value;
}

/** Sends a request to a FHIR base: `fhir("r4", "Task/1")`. */
export const fhir = (of, path, more) => ask(`/fhir/${of}/${path}`, more);

/** The data of this page, or of another one: what its address answers as JSON. */
export const twin = (path = location.pathname + location.search, more) => ask(path, more);

let asked = null;

/** Asks for a token, once for all requests that wait; it is kept until the tab is closed. */
function askToken(outcome) {
  asked ??= new Promise((resolve) => {
    const input = element("input", { type: "password", autocomplete: "off", required: true });
    const said = outcome?.issue?.[0]?.diagnostics ?? "This hub asks who you are.";
    const form = element("form", { method: "dialog" },
      element("p", {}, said),
      element("label", {}, "Token ", input),
      element("div.actions", {},
        element("button", { value: "use" }, "Use it"),
        element("button.plain", { value: "", formnovalidate: true }, "Cancel")));
    const dialog = element("dialog", { "aria-label": "Your token" }, form);
    dialog.addEventListener("close", () => {
      asked = null;
      dialog.remove();
      const given = dialog.returnValue === "use" && input.value.trim();
      if (given) sessionStorage.setItem(KEPT, given);
      resolve(Boolean(given));
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return asked;
}
