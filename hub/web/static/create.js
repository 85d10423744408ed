/** The page that makes a Subscription: fields, what the hub would say of them, what they are. */

import { element, fill, put } from "./element.js";
import { Fields } from "./create_fields.js";
import { Forms } from "./create_forms.js";
import { Link } from "./create_link.js";
import { ask, fhir, RELEASES, twin } from "./hub.js";
import { tell } from "./status.js";

const PAUSE = 250;
const form = document.getElementById("form");
const verdict = element("p", { role: "status", class: "verdict" });
const button = element("button", { type: "submit" }, "Create");
const link = new Link();

let fields;
let forms;
let timer;
let running;

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
    return { told, asked };
  } catch (error) {
    if (error.name === "AbortError" || running !== mine) return null;
    fill(verdict, `✗ ${error.message}`);
    return null;
  }
}

/** Marks the fields by what the chosen release says, and says it in one line. */
function judge() {
  const chosen = forms.chosen;
  const { told, asked } = forms.last;
  const issues = told[RELEASES[chosen]].issues.filter((each) => each.severity === "error" || each.severity === "fatal");
  fields.mark(issues, asked);
  const words = Object.entries(told).map(([name, { accepted, issues: all }]) => {
    const refusals = all.filter((each) => each.severity !== "information").length;
    return accepted ? `${name} would be accepted` : `${name}: ${refusals} refusal${refusals === 1 ? "" : "s"}`;
  });
  const line = words.join("; ");
  if (verdict.textContent !== line) verdict.textContent = line;
  button.textContent = `Create in ${RELEASES[chosen]}`;
}

function changed() {
  link.write(fields.state(), forms.chosen);
  clearTimeout(timer);
  timer = setTimeout(dryRun, PAUSE);
}

async function create(event) {
  event.preventDefault();
  fields.askAll();
  button.disabled = true;
  try {
    const run = await dryRun();
    if (!run) return;
    const release = forms.chosen;
    const { accepted, resource } = run.told[RELEASES[release]];
    if (!accepted) {
      fields.leadToWrong();
      tell(`${RELEASES[release]} refuses it: see the fields that are marked`);
      return;
    }
    const created = await fhir(release, "Subscription", { method: "POST", body: resource });
    location.href = `/subscriptions/${release}/${created.id}`;
  } catch (error) {
    fill(verdict, `✗ ${error.message} `, error.slug && element("a", { href: `/errors/${error.slug}` }, error.slug));
  } finally {
    button.disabled = false;
  }
}

async function start() {
  const offered = await twin("/subscribe");
  const wanted = link.read();
  fields = new Fields(offered, changed);
  forms = new Forms(wanted.release, () => {
    link.write(fields.state(), forms.chosen);
    if (forms.last) judge();
  });
  put(form, [fields.element, element("div.decide", {}, forms.choice, verdict, button), forms.element]);
  form.addEventListener("submit", create);
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.localName !== "input") return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) form.requestSubmit(button);
    else dryRun();
  });
  addEventListener("hashchange", async () => {
    const { release, ...state } = link.read();
    forms.choose(release);
    await fields.restore(state);
    await dryRun();
  });
  await fields.restore(wanted);
  await dryRun();
}

start().catch((error) => fill(form, element("p.note.ill", {}, `✗ ${error.message}`)));
