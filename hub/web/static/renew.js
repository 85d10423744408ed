/** Keeps a list, or figures, of a page fresh: asks for the page again, takes over what has changed. */

import { identity } from "./hub.js";
import { whenReleased } from "./press.js";
import { tell } from "./status.js";

const PERIOD = 2000;
const QUIET = 10000;
const region = document.querySelector("[data-renew]");
const noun = region.dataset.renew;
let added = 0;
let told = -QUIET;

/** The parts of the page as the hub writes it now; parsed, so that nothing in it runs. */
async function parts() {
  const response = await fetch(location.pathname, { headers: { accept: "text/html", ...identity() } });
  if (!response.ok) throw new Error(`the hub answered HTTP ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  return [...fresh.querySelector("[data-renew]").children];
}

/** What somebody reads or has the focus on stays as it is. */
const isInUse = (part) => part.open || part.contains(document.activeElement);

function renew(fresh) {
  const before = new Map([...region.children].map((part) => [part.id, part]));
  const after = fresh.map((part) => {
    const there = before.get(part.id);
    if (!there) added += 1;
    return there && (isInUse(there) || there.outerHTML === part.outerHTML) ? there : document.adoptNode(part);
  });
  const kept = [...before.values()].filter((part) => isInUse(part) && !after.includes(part));
  const wanted = [...after, ...kept];
  if (wanted.length !== region.children.length || wanted.some((part, index) => part !== region.children[index])) {
    place(wanted);
  }
  if (!noun || !added || performance.now() - told < QUIET) return;
  tell(`${added} new ${noun}${added === 1 ? "" : "s"}`);
  told = performance.now();
  added = 0;
}

/** Puts parts in order without taking out those that stay: a frame that moves is loaded anew. */
function place(wanted) {
  for (const part of [...region.children]) if (!wanted.includes(part)) part.remove();
  let next = region.firstElementChild;
  for (const part of wanted) {
    if (part === next) next = next.nextElementSibling;
    else region.insertBefore(part, next);
  }
}

async function run() {
  try {
    if (!document.hidden) {
      const fresh = await parts();
      whenReleased(() => renew(fresh));
    }
    delete region.dataset.lost;
  } catch {
    if (!("lost" in region.dataset)) tell("the hub can't be reached; this is how it was");
    region.dataset.lost = "";
  }
  setTimeout(run, PERIOD);
}

setTimeout(run, PERIOD);
