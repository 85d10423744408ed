/** The page that makes a Subscription: fields, what the hub would say of them, what they are. */

import { element, fill } from "./element.js";
import { Fields } from "./create_fields.js";
import { Forms } from "./create_forms.js";
import { readLink, writeLink } from "./create_link.js";
import { ask, fhir, RELEASES, twin } from "./hub.js";
import { tell } from "./status.js";

const PAUSE = 250;
const form = document.getElementById("form");
const verdict = document.getElementById("verdict");
const button = document.getElementById("create");

let fields;
let forms;
let timer;
let running;

const refuse = (error) => fill(verdict, `✗ ${error.message} `, error.slug && element("a", { href: `/errors/${error.slug}` }, error.slug));

/** Asks the hub what it would say; the answer to the latest question counts. Null: a newer one came. */
async function dryRun() {
  clearTimeout(timer);
  running?.abort();
  const mine = (running = new AbortController());
  const asked = fields.form();
  try {
    const told = await ask("/subscribe", { method: "POST", body: asked.body, signal: mine.signal });
    if (running !== mine) return null;
    forms.show(told, asked);
    judge();
    return told;
  } catch (error) {
    if (running === mine && error.name !== "AbortError") refuse(error);
    return null;
  }
}

/** Marks the fields by what the chosen release says, and says it in one line. */
function judge() {
  const { told, asked } = forms.last;
  const refusals = (name) => told[name].issues.filter((each) => each.severity !== "information");
  fields.mark(told[RELEASES[forms.chosen]].accepted ? [] : refusals(RELEASES[forms.chosen]), asked.rows);
  const refused = Object.keys(told).filter((name) => !told[name].accepted)
    .map((name) => `${name}: ${refusals(name).length} to mend`);
  const line = refused.join("; ") || "Every release would accept it";
  if (verdict.textContent !== line) verdict.textContent = line;
  button.textContent = `Create in ${RELEASES[forms.chosen]}`;
}

function changed() {
  writeLink(fields.state(), forms.chosen);
  clearTimeout(timer);
  timer = setTimeout(dryRun, PAUSE);
}

async function create(event) {
  event.preventDefault();
  fields.askAll();
  button.disabled = true;
  try {
    const told = await dryRun();
    if (!told) return;
    const { accepted, resource } = told[RELEASES[forms.chosen]];
    if (accepted) {
      const { id } = await fhir(forms.chosen, "Subscription", { method: "POST", body: resource });
      location.href = `/subscriptions/${forms.chosen}/${id}`;
    } else {
      fields.leadToWrong();
      tell(`${RELEASES[forms.chosen]} refuses it: see what is marked`);
    }
  } catch (error) {
    refuse(error);
  } finally {
    button.disabled = false;
  }
}

async function open() {
  const { release, ...state } = readLink();
  forms.choose(release);
  await fields.restore(state);
  await dryRun();
}

async function start() {
  fields = new Fields(await twin("/subscribe"), changed);
  forms = new Forms(() => {
    writeLink(fields.state(), forms.chosen);
    if (forms.last) judge();
  });
  form.addEventListener("submit", create);
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.localName !== "input") return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) form.requestSubmit(button);
  });
  addEventListener("hashchange", open);
  await open();
  document.getElementById("all").disabled = false;
}

start().catch(refuse);
