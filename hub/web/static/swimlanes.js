/** A picture of a trace: a lane for each resource and each subscriber, time running to the right. */

import { drawn, element, fill, shortened } from "./element.js";
import { status } from "./status.js";

const [LANE, TOP, LEFT, NARROWEST, WIDEST, LABEL] = [44, 30, 16, 30, 240, 74];

const line = (d, kind) => drawn("path", { d, class: kind });

const MARKS = {
  delivered: (x, y) => [drawn("circle", { cx: x, cy: y, r: 6, class: "full" })],
  waiting: (x, y) => [drawn("circle", { cx: x, cy: y, r: 5.5, class: "hollow" })],
  retrying: (x, y) => [...MARKS.waiting(x, y), line(`M${x} ${y - 5.5}a5.5 5.5 0 0 0 0 11z`, "full")],
  held: (x, y) => [line(`M${x - 5} ${y - 5}h10v10h-10z`, "full")],
};

/** Where an instant stands: changes are equally far apart, what is between them in proportion. */
function scale(changes, step) {
  const times = changes.map((change) => Date.parse(change.timestamp));
  return (text) => {
    const at = Date.parse(text);
    const before = Math.max(0, times.findLastIndex((time) => time <= at));
    const next = times[before + 1] ?? Math.max(Date.now(), at);
    const part = (at - times[before]) / Math.max(1, next - times[before]);
    return LEFT + step * (before + Math.min(1, Math.max(0, part)));
  };
}

/** The lanes by name: resources first, then who was told. */
function lanesOf(changes, callOf) {
  const lanes = new Map(changes.map((change) => [change.focus, { name: shortened(change.focus), kind: "resource" }]));
  for (const told of changes.flatMap((change) => change.told ?? [])) {
    lanes.set(told.party, { name: shortened(callOf(told)), kind: "subscriber" });
  }
  [...lanes.values()].forEach((lane, index) => (lane.y = TOP + LANE * index + 26));
  return lanes;
}

/** One event of a subscriber: a mark where it arrived, or where it began to wait. */
function event(told, x, lane, at, edge) {
  const isOpen = told.standing !== "delivered";
  const end = told.delivered ? Math.max(x, at(told.delivered)) : x;
  // Of all that a lane waits for, only the first line to the edge is drawn.
  const to = isOpen && !lane.isOpen ? edge : end;
  lane.isOpen ||= isOpen;
  return drawn("g", { class: told.standing },
    line(`M${x} ${lane.y}H${to}`, isOpen ? "open" : "trail"), ...(MARKS[told.standing] ?? MARKS.waiting)(end, lane.y));
}

/** Draws a trace into a figure; the list of its changes says the same in words. */
export function swimlanes(figure, changes, callOf) {
  const lanes = lanesOf(changes, callOf);
  const inner = (figure.clientWidth || 320) - 2; // without its border
  const room = inner - 2 * LEFT;
  const step = Math.min(WIDEST, Math.max(NARROWEST, room / changes.length));
  const width = Math.max(Math.min(room, 320), step * changes.length) + 2 * LEFT;
  const height = TOP + LANE * lanes.size + 4;
  const at = scale(changes, step);
  const edge = LEFT + step * changes.length;
  const [lines, marks] = [[...lanes.values()].map(({ y }) => line(`M0 ${y}H${width}`, "lane")), []];
  let [free, said] = [0, ""];
  changes.forEach((change, index) => {
    const x = LEFT + step * index;
    const { y } = lanes.get(change.focus);
    const told = (change.told ?? []).map((each) => [each, lanes.get(each.party)]);
    lines.push(line(`M${x} ${y}V${Math.max(y, ...told.map(([, lane]) => lane.y))}`, "call"));
    marks.push(...told.map(([each, lane]) => event(each, x, lane, at, edge)),
      drawn("circle", { cx: x, cy: y, r: 9, class: "version" }),
      drawn("text", { x, y: y + 4, class: "number" }, change.interaction === "delete" ? "✗" : change.version));
    const time = new Date(change.timestamp);
    const words = time.toDateString() === new Date().toDateString() ? time.toLocaleTimeString() : time.toLocaleDateString();
    if (words === said || x < free || x + LABEL > width) return;
    marks.push(drawn("text", { x: x - 9, y: 14, class: "time" }, words));
    [said, free] = [words, x + LABEL];
  });
  const names = drawn("g", {}, ...[...lanes.values()].map(({ name, kind, y }) =>
    drawn("text", { x: 2, y: y - 13, class: kind }, name)));
  const picture = drawn("svg", {
    width, height, role: "img",
    "aria-label": `${changes.length} changes, and who was told of them, as time goes on; the list below says it in words`,
  }, ...lines, ...marks, names);
  const place = figure.querySelector(".scroll")?.scrollLeft;
  const box = element("div.scroll", width > inner + 1
    ? { tabindex: 0, role: "region", "aria-label": "Picture, wider than the window" } : {}, picture);
  box.addEventListener("scroll", () => names.setAttribute("transform", `translate(${box.scrollLeft} 0)`));
  fill(figure, box, element("figcaption.soft", {}, element("span", {}, "① change with its version"),
    status("delivered"), status("waiting"), status("retrying"), status("held", "held back")));
  box.scrollLeft = place ?? width;
}
