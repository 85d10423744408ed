/** The orders of a release, those that changed last first. */

import { element, fill, instant, referenced } from "./element.js";
import { Refusal, release, releaseChoice } from "./hub.js";
import { onKey, walk } from "./keys.js";
import { follow, renew, renewAll } from "./renewal.js";
import { status } from "./status.js";

const search = element("input", {
  type: "search", autocomplete: "off", spellcheck: "false", placeholder: "status:requested owner:Organization/lab",
});
const form = element("form.tools", { role: "search" },
  element("label.grow", {}, "Search: parameter:value, an id or a number ", search),
  element("button", {}, "Search"),
  releaseChoice());
const told = element("p.soft", { role: "status" });
const ill = element("p.ill", { role: "alert" });
const list = element("ol.orders");
const turn = element("p.actions");
fill(document.getElementById("orders"), form, told, ill, list, turn);

const labelled = (word, references) =>
  element("div", {}, references.map((each) => [element("span.soft", {}, word), " ", referenced(each), " "]));

function row(order) {
  return [
    element("div", {}, element("a", { href: order.page }, referenced(order.reference)),
      order.order && [" ", labelled("of", [order.order])]),
    element("div", {}, order.status && status(order.status)),
    labelled("for", order.subject ? [order.subject] : []),
    labelled("by", order.performers),
    element("div", {}, instant(order.changed), element("span.soft", {}, ` v${order.version}`)),
    element("div", {}, order.undelivered
      ? [status(order.standing, `${order.undelivered} not delivered`), ": ", order.waitingFor.map((name, at) => [at > 0 && ", ", element("span.soft", {}, name)])]
      : status("ok", "nothing waits"))];
}

function summary({ orders, q, types }) {
  if (!orders.length) {
    return q ? "No order answers this search." : "There is no order yet: POST a ServiceRequest or a Task, and it shows here.";
  }
  const waiting = orders.filter((order) => order.undelivered).length;
  return `${orders.length} ${orders.length === 1 ? "order" : "orders"}${q ? ` that answer, of type ${types.join(", ")}` : ""}; ` +
    (waiting ? `about ${waiting} of them something is not delivered` : "nothing about them waits");
}

function show(found) {
  fill(ill);
  renew(told, summary(found), (words) => words);
  renewAll(list, found.orders, (order) => order.reference,
    (order) => element("li", { tabindex: -1, "data-reference": order.reference }),
    (child, order) => renew(child, order, row));
  renew(turn, found.next, (next) => [
    location.search.includes("_cursor=") &&
      element("a", { href: `?${new URLSearchParams({ release: found.release, q: found.q })}` }, "Newest orders"),
    next && element("a", { href: next }, "Older orders")]);
}

function fail(error) {
  if (!(error instanceof Refusal) && !(error instanceof TypeError)) throw error;
  fill(ill, error.status ? error.message : "The hub does not answer; this page asks again.");
  if (error.status) fill(list);
}

const readAddress = () => (search.value = new URLSearchParams(location.search).get("q") ?? "");
readAddress();
const now = follow(show, fail);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  history.pushState(null, "", `?${new URLSearchParams({ release: release(), q: search.value.trim() })}`);
  now();
});
addEventListener("popstate", () => now(readAddress()));

const current = walk(() => [...list.children], (order) => order.querySelector("a").click());
onKey("e", "explain the last change of the order", () => {
  const reference = current()?.dataset.reference;
  if (reference) location.href = `/explain?${new URLSearchParams({ release: release(), reference })}`;
});
onKey("Escape", "all orders, without the search", () => (location.href = `/orders?release=${release()}`));
