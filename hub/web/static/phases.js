/** Where the time of an attempt went, as a bar and in words. */

import { drawn, element } from "./element.js";

const PHASES = [["dns", "name"], ["connect", "connect"], ["tls", "TLS"], ["wait", "wait"]];

export const milliseconds = (value) =>
  value < 10 ? `${value.toFixed(1)} ms` : value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;

/** The phases of `{dns, connect, tls, wait}`; the rest of the total is the hub's own. */
function parts(timing, total) {
  const known = PHASES.filter(([key]) => timing[key] != null).map(([key, name]) => ({ key, name, value: timing[key] }));
  const rest = total - known.reduce((sum, each) => sum + each.value, 0);
  return rest > 0.05 ? [...known, { key: "rest", name: "rest", value: rest }] : known;
}

/** A bar whose length is `total` of `longest`, and what it says in words. */
export function phases(timing, total, longest) {
  const found = parts(timing, total);
  const share = (value) => `${((100 * value) / Math.max(longest, 0.001)).toFixed(2)}%`;
  let begun = 0;
  const bar = drawn("svg", { class: "bar", "aria-hidden": "true" }, found.map(({ key, value }) => {
    begun += value;
    return drawn("rect", { x: share(begun - value), width: share(value), height: "100%", class: key });
  }));
  const reused = total > 0 && timing.wait != null && timing.connect == null ? " (open connection)" : "";
  return [bar, element("span", {}, found.map(({ name, value }) => `${name} ${milliseconds(value)}`).join(" · ") + reused)];
}
