/** Tables whose rows become cards where there is no room: the roles stay, whatever they look like. */

import { element } from "./element.js";

const kinded = (name, kind) => (kind ? `${name}.${kind}` : name);

/** A table with a head, and its body: `columns` are [name, class]. */
export function cards(label, columns) {
  const body = element("tbody", { role: "rowgroup" });
  const head = columns.map(([name, kind]) =>
    element(kinded("th", kind), { scope: "col", role: "columnheader" }, name));
  const table = element("table.cards", { role: "table", "aria-label": label },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, head)), body);
  return { table: element("div.wide", {}, table), body };
}

/** A row of it: `values` are what stands in its cells, if that is known yet. */
export function card(columns, values = []) {
  return element("tr", { role: "row" }, columns.map(([name, kind], at) =>
    element(kinded("td", kind), { role: "cell", "data-label": name }, element("div", {}, values[at]))));
}
