/** Why a change is told to whom: a stored one, or one that is made up here. */

import { element, fill } from "./element.js";
import { bareName, failing, isTold, plain, topicTree, verdict } from "./explanation.js";
import { ask, fhir, Refusal, release, releaseChoice, twin } from "./hub.js";
import { onKey, walk } from "./keys.js";
import { copyButton } from "./page.js";
import { fault, lineOf } from "./pasted.js";
import { tell } from "./status.js";

const of = release();
const input = (name, more) => element("input", { name, autocomplete: "off", spellcheck: "false", ...more });
const reference = input("reference",
  { type: "search", placeholder: "Task/17", required: true, pattern: "[A-Za-z]+/[A-Za-z0-9.\\-]{1,64}" });
const version = input("version", { type: "number", min: 1, placeholder: "newest" });
const only = input("subscription", { placeholder: "everybody", list: "known" });
const known = element("datalist", { id: "known" });
const form = element("form.tools", { role: "search" },
  element("label.grow", {}, "Resource ", reference), element("label", {}, "Version ", version),
  element("label.grow", {}, "Only for this Subscription ", only, known), element("button", {}, "Explain"), releaseChoice());

const boxes = ["before", "after"].map((name) => {
  const wrong = element("p.ill", { id: `${name}-wrong`, role: "alert" });
  const text = element("textarea", { name, rows: 12, spellcheck: "false", "aria-describedby": wrong.id,
    placeholder: name === "before" ? "empty: it is created" : "empty: it is deleted" });
  return { name, text, wrong };
});
const made = element("form", {},
  element("div.pair", {}, boxes.map((box) => element("label", {}, `The resource ${box.name} the change `, box.text, box.wrong))),
  element("button", {}, "Explain this change"));
const paste = element("details.panel", {},
  element("summary", {}, "Or a change that is made up: paste the resource before and after"), made);
const result = element("section", { "aria-label": "Explanation" });
fill(document.getElementById("explain"), form, paste, result);

const onlyId = () => only.value.trim().split("/").at(-1);

function addressOf(more = {}) {
  const topic = new URLSearchParams(location.search).get("topic");
  const asked = { release: of, reference: reference.value.trim(), version: version.value, subscription: onlyId(), topic, ...more };
  return `/explain?${new URLSearchParams(Object.entries(asked).filter(([, value]) => value))}`;
}

/** One sentence that answers the question. */
function sentence(found, what) {
  const start = what ? `${what}, version ${found.version} (${found.interaction}): ` : `This change (${found.interaction}): `;
  if (!onlyId()) {
    const count = found.told;
    const verb = !what ? "would be" : count > 1 ? "are" : "is";
    return `${start}${count === 1 ? "one Subscription" : count ? `${count} Subscriptions` : "nobody"} ${verb} told of it.`;
  }
  const who = `${start}Subscription/${onlyId()} ${what ? "is" : "would be"}`;
  if (found.told) return `${who} told of it.`;
  const [topic] = found.topic ?? [];
  if (!topic) return `${who} not told of it: its topic is about other changes.`;
  return [`${who} not told of it. `, topic.fires ? "" : `The topic ${bareName(topic.canonical)} doesn't fire: `, failing(topic), "."];
}

/** Topics that tell somebody first, then near misses, last those that are about something else. */
function rank(topic) {
  if (isTold(topic)) return 0;
  if (topic.fires) return topic.filters ? 1 : 2;
  return topic.trigger?.some((each) => !each["why-not"]) ? 3 : 4;
}

/** Shows an explanation; `again` asks the same with more parameters. */
function show(found, what, again) {
  const topics = (found.topic ?? []).sort((one, other) => rank(one) - rank(other));
  const at = found.version;
  fill(result,
    element("p.answer", { role: "status" }, verdict(found.told > 0, ""), sentence(found, what)),
    what && element("div.actions", {},
      at > 1 && element("a", { href: addressOf({ version: at - 1 }) }, `Version ${at - 1}`),
      version.value && element("a", { href: addressOf({ version: "" }) }, "Newest version"),
      element("a", { href: `/orders/${of}/${what}` }, "What became of it"),
      element("button.plain", { type: "button", click: () => edit(what, found).catch(refuse) }, "Change it and ask again")),
    !topics.length && element("p.note", {}, "No topic of this hub is about such a change."),
    topics.map((topic) => topicTree(topic, topics.length === 1 || rank(topic) < 2, saving(topic, what, again))));
}

/** Puts the states of a stored change where they can be changed. */
async function edit(what, { interaction, version: at }) {
  const places = [interaction === "create" ? 0 : at - 1, interaction === "delete" ? 0 : at];
  for (const [index, place] of places.entries()) {
    boxes[index].text.value = place ? await fhir(of, `${what}/_history/${place}?_pretty=true`, { asText: true }) : "";
  }
  paste.open = true;
  boxes[1].text.focus();
}

/** Saves what a topic says as a row of its truth table. */
function saving(topic, what, again) {
  const name = input("case", { maxlength: 200, required: true, value: `${what || "a change"} ${topic.fires ? "fires" : "does not fire"}` });
  const place = element("div");
  const save = element("form.tools", {}, element("label.grow", {}, "Name of the case ", name), element("button", {}, "Save"));
  save.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const row = (await again({ topic: topic.canonical, case: name.value })).topic?.[0]?.case;
      fill(place, row ? file(topic, `[\n${row}\n]\n`)
        : "A truth table can't say this: something could not be evaluated, or it is no topic of a file.");
    } catch (error) {
      refuse(error);
    }
  });
  return element("details", {}, element("summary", {}, "Save as a truth-table case"), save, place);
}

function file(topic, text) {
  const folder = `topics/${bareName(topic.canonical)}`;
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  return [
    element("p", {}, "Keep it as ", element("code", {}, `${folder}/cases.json`),
      ", or add the row to the list there; ", element("code", {}, `fhir-hub topics test ${folder}`), " runs it. ",
      element("a", { href, download: "cases.json" }, "Download cases.json")),
    element("pre", {}, element("code", {}, text), copyButton(() => text))];
}

function refuse(error) {
  if (!(error instanceof Refusal) && !(error instanceof TypeError)) throw error;
  fill(result, element("p.note.ill", { role: "alert" }, error.status ? error.message : "The hub does not answer."));
}

async function explain() {
  const what = reference.value.trim();
  const again = (more) => twin(addressOf(more));
  fill(result, element("p.soft", { role: "status" }, "Asking ..."));
  try {
    show(await again(), what, again);
  } catch (error) {
    refuse(error);
  }
}

function complain(box, words, at) {
  const { line, column } = lineOf(box.text.value, at ?? 0);
  box.wrong.textContent = at === undefined ? words : `line ${line}, column ${column}: ${words}`;
  box.text.setAttribute("aria-invalid", "true");
  box.text.focus();
  if (at !== undefined) box.text.setSelectionRange(at, at + 1);
}

async function explainMade() {
  for (const { wrong, text } of boxes) {
    fill(wrong);
    text.removeAttribute("aria-invalid");
  }
  const states = boxes.filter((box) => box.text.value.trim());
  if (!states.length) return complain(boxes[1], "paste a resource here, or before");
  for (const box of states) {
    const found = fault(box.text.value);
    if (found) return complain(box, found.words, found.at);
  }
  // As it was typed, so that numbers keep their spelling.
  const parts = states.map(({ name, text }) => `{"name":"${name}","resource":${text.value}}`);
  const again = async (more) => {
    const given = Object.entries({ subscription: onlyId(), ...more }).filter(([, value]) => value)
      .map(([name, valueString]) => JSON.stringify({ name, valueString }));
    const text = `{"resourceType":"Parameters","parameter":[${[...parts, ...given]}]}`;
    return plain((await ask(`/fhir/${of}/$explain`, { method: "POST", text })).parameter);
  };
  try {
    show(await again(), "", again);
    result.scrollIntoView({ block: "nearest" });
  } catch (error) {
    fill(result);
    const [, index] = error.issues?.[0]?.expression?.[0]?.match(/parameter\[(\d+)\]\.resource/) ?? [];
    if (states[index]) complain(states[index], error.message.replaceAll(`Parameters.parameter[${index}].resource.`, ""));
    else refuse(error);
  }
}

function start() {
  const query = new URLSearchParams(location.search);
  for (const each of [reference, version, only]) each.value = query.get(each.name) ?? "";
  if (reference.value) explain();
  else fill(result);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  history.pushState(null, "", addressOf({ topic: "" }));
  explain();
});
made.addEventListener("submit", (event) => {
  event.preventDefault();
  explainMade();
});
addEventListener("popstate", start);
// Whom one may ask about is looked up only when somebody is about to.
only.addEventListener("focus", () => fhir(of, "Subscription?_count=200").then((found) =>
  fill(known, (found.entry ?? []).map(({ resource }) =>
    element("option", { value: resource.id }, resource.name ?? resource.reason ?? ""))), (error) => tell(error.message)), { once: true });
start();

walk(() => [...result.querySelectorAll("summary")].filter((each) => each.checkVisibility()));
onKey("e", "explain", () => form.requestSubmit());
onKey("Escape", "what became of the resource", () => {
  if (form.checkValidity()) location.href = `/orders/${of}/${reference.value.trim()}`;
});
