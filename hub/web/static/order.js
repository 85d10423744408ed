/** What became of one order: the answer first, a picture, and each change with who was told. */

import { element, fill, instant, referenced } from "./element.js";
import { fhir, Refusal } from "./hub.js";
import { onKey, walk } from "./keys.js";
import { copyButton } from "./page.js";
import { follow, renew, renewAll } from "./renewal.js";
import { status } from "./status.js";
import { swimlanes } from "./swimlanes.js";

const [of, ...parts] = location.pathname.split("/").slice(2).map(decodeURIComponent);
const reference = parts.join("/");
const VERBS = { create: "created", update: "changed", delete: "deleted" };

const ill = element("p.ill", { role: "alert" });
const answer = element("p.answer", { role: "status" });
const parties = element("ul.plain");
const picture = element("figure.lanes");
const list = element("ol.plain");
const content = element("div", { hidden: true },
  answer, parties, picture, element("h2", {}, "What happened"), list);
fill(document.getElementById("order"),
  element("p.way", {}, element("a", { href: `/orders?release=${of}` }, "All orders")),
  element("h1", {}, reference, " ", element("span", {}, of.toUpperCase())), ill, content);
document.title = `${reference} - fhir-hub`;

const callOf = (told) => told.name ?? told.subscription ?? `subscriber ${told.party}`;
const nameOf = (told) => element("b", { title: told.subscription }, callOf(told));

function delivery(told) {
  if (told.delivered) return ["delivered ", instant(told.delivered)];
  if (!told.since) return told.words;
  return ["retrying since ", instant(told.since), told.due && [", next try ", instant(told.due)]];
}

/** What each subscriber got and lacks; those that lack something first. */
function partiesOf(changes) {
  const found = new Map();
  for (const told of changes.flatMap((change) => change.told ?? [])) {
    const party = found.get(told.party) ?? { told, got: 0, lacks: 0 };
    const isThere = told.standing === "delivered";
    // The first that lacks tells what is the matter, else the last one that came.
    if (!party.lacks) party.told = told;
    party[isThere ? "got" : "lacks"] += 1;
    found.set(told.party, party);
  }
  return [...found.values()].sort((one, other) => Boolean(other.lacks) - Boolean(one.lacks));
}

function party({ told, got, lacks }) {
  const words = lacks ? [`lacks ${lacks} of ${got + lacks}: `, delivery(told)]
    : [`got ${got === 1 ? "it" : `all ${got}`}`, told.delivered && [got === 1 ? " " : ", the last ", instant(told.delivered)]];
  return element("li", {},
    status(told.standing, nameOf(told)), element("span.soft", {}, ` ${told.channel} `), words);
}

function telling(told) {
  return element("li", {},
    status(told.standing, delivery(told)), " ", nameOf(told),
    element("span.soft", {}, ` ${told.channel}${told["event-number"] ? ` #${told["event-number"]}` : ""}`));
}

const keyOf = (change) => `${change.focus}/_history/${change.version}`;
const shown = new Set();

/** The stored version, asked for only when somebody wants to see it. */
function payload(change) {
  const place = element("div");
  const button = element("button.plain", { type: "button" });
  async function draw() {
    const isOpen = shown.has(keyOf(change));
    button.textContent = isOpen ? "Hide what was stored" : "Show what was stored";
    button.setAttribute("aria-expanded", String(isOpen));
    fill(place);
    if (!isOpen) return;
    try {
      const text = await fhir(of, `${keyOf(change)}?_pretty=true`, { asText: true });
      fill(place, element("pre", {}, element("code", {}, text), copyButton(() => text)));
    } catch (error) {
      fail(error);
    }
  }
  button.addEventListener("click", () => {
    shown.delete(keyOf(change)) || shown.add(keyOf(change));
    draw();
  });
  draw();
  return [button, place];
}

function entry(change) {
  const [button, place] = change.interaction === "delete" ? [] : payload(change);
  const name = referenced(change.focus);
  const query = new URLSearchParams({ release: of, reference: change.focus, version: change.version });
  return [
    element("div.head", {}, instant(change.timestamp),
      element("span", {},
        change.focus === reference ? name : element("a", { href: `/orders/${of}/${change.focus}` }, name),
        ` version ${change.version} ${VERBS[change.interaction]}`),
      change.status && status(change.status)),
    element("ul.plain.told", {}, change.told?.map(telling) ?? element("li.soft", {}, `∅ ${change.words}`)),
    element("div.actions", {}, button, element("a.explain", { href: `/explain?${query}` }, "Explain")),
    place];
}

let last = null;
let painted = "";

/** Draws the picture where it, or its width, is another one than before. */
function paint() {
  const said = last && `${picture.clientWidth} ${JSON.stringify(last.change)}`;
  if (said && said !== painted) swimlanes(picture, last.change, callOf);
  painted = said;
}

function show(found) {
  last = found;
  const everybody = partiesOf(found.change);
  fill(ill);
  content.hidden = false;
  renew(answer, [everybody[0]?.told.standing ?? "waiting", found.answer],
    ([standing, words]) => [status(standing, ""), words, found.cut && " Only the newest changes are shown."]);
  renew(parties, everybody, (all) => all.map(party));
  paint();
  renewAll(list, found.change, keyOf, () => element("li.panel", { tabindex: -1 }),
    (child, change) => renew(child, change, entry));
}

function fail(error) {
  if (!(error instanceof Refusal) && !(error instanceof TypeError)) throw error;
  fill(ill, error.status ? error.message : "The hub does not answer; this page asks again.");
}

follow(show, fail, 2);
new ResizeObserver(paint).observe(picture);

const current = walk(() => [...list.children], (row) => row.querySelector("button")?.click());
onKey("e", "explain the change", () => (current() ?? list.lastElementChild)?.querySelector(".explain").click());
onKey("Escape", "back to all orders", () => (location.href = `/orders?release=${of}`));
