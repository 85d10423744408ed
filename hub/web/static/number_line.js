/** The number line: what became of each event number, drawn, and as a table. */

import { card, cards } from "./cards.js";
import { ticking } from "./clock.js";
import { drawn, element, fill } from "./element.js";
import { renew } from "./renewal.js";
import { status } from "./status.js";

const [HIGH, CELL] = [34, 26];
const STATES = {
  former: ["former", "of a deleted Subscription of the same id"],
  delivered: ["delivered", "taken by the endpoint"],
  resend: ["to be resent", "was delivered, and is sent once more"],
  lost: ["lost", "never delivered, and no longer kept"],
  retrying: ["retrying", "failed, and is tried again"],
  held: ["held", "kept until the Subscription is reactivated"],
  pending: ["pending", "not sent yet"],
};
const HEADS = [["Numbers"], ["How many", "number"], ["State"], ["What that means"], ["Do"]];
const many = (number) => number.toLocaleString();
const range = (first, last) => (first === last ? many(first) : `${many(first)} to ${many(last)}`);

function patterns() {
  const made = drawn("defs", {});
  for (const [state, path] of [["resend", "M0 6L6 0"], ["retrying", "M3 0V6"], ["lost", "M0 0L6 6M0 6L6 0"], ["held", "M0 3H6"]]) {
    const pattern = drawn("pattern", { id: `line-${state}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" });
    pattern.append(drawn("rect", { width: 6, height: 6, class: "under" }), drawn("path", { d: path, class: state }));
    made.append(pattern);
  }
  return made;
}

/** The part of the runs that lies in first..last. */
function within(runs, first, last) {
  return runs.filter((run) => run.first <= last && run.last >= first)
    .map((run) => ({ ...run, first: Math.max(run.first, first), last: Math.min(run.last, last) }));
}

function meaning(data, state) {
  if (state === "retrying" && data.next) return ["failed, next try ", ticking("until", data.next.at)];
  if (data.channel === "websocket") {
    if (state === "delivered") return "written to a socket, or passed over when one bound";
    if (state === "pending") return data.sockets ? "on the way to the socket" : "waits for a socket to bind";
  }
  if (state === "pending" && data.status === "requested") return "waits for the handshake";
  if (state === "pending" && data.failures) return "waits behind what is tried again";
  return STATES[state][1];
}

/** A number line in `parent`; `replay(first, last)` lets numbers be sent again. */
export function numberLine(parent, replay) {
  const svg = drawn("svg", { role: "img", height: HIGH + 22 });
  const stage = element("div.line", {
    tabindex: "0", role: "group", "aria-label": "Number line: + and - zoom, arrow keys move, Home shows all",
  }, svg);
  const bound = (name) => element("input", { type: "number", name, min: "1", step: "1", "aria-label": `${name} number shown` });
  const [from, to] = [bound("first"), bound("last")];
  const button = (words, label, action) => element("button.plain", { type: "button", "aria-label": label, click: action }, words);
  const tools = element("form.tools", {},
    button("+", "Zoom in", () => zoom(0.5)), button("−", "Zoom out", () => zoom(2)),
    button("◀", "Earlier numbers", () => move(-0.5)), button("▶", "Later numbers", () => move(0.5)),
    button("All", "Show all numbers", () => look(1, total)),
    element("label", {}, "Numbers ", from), element("label", {}, "to ", to), element("button.plain", {}, "Show"));
  const { table, body } = cards("The number line as a table", HEADS);
  parent.append(tools, stage, table);

  let data = null;
  let total = 0;
  let asked = (new URLSearchParams(location.search).get("numbers") ?? "").match(/^(\d{1,15})\.\.(\d{1,15})$/)?.slice(1).map(Number) ?? null;

  function view() {
    if (!asked) return [1, total];
    const first = Math.min(Math.max(1, asked[0]), Math.max(1, total));
    return [first, Math.max(first, Math.min(asked[1], total))];
  }

  function look(first, last) {
    const size = Math.max(1, Math.min(total, Math.round(last - first) + 1));
    const begin = Math.round(Math.min(Math.max(1, first), total - size + 1));
    asked = size >= total ? null : [begin, begin + size - 1];
    const query = new URLSearchParams(location.search);
    query.delete("numbers");
    history.replaceState(null, "", `?${query}${asked ? `${query.size ? "&" : ""}numbers=${asked[0]}..${asked[1]}` : ""}`);
    draw();
  }
  function zoom(by) {
    const [first, last] = view();
    const [middle, half] = [(first + last) / 2, Math.max(0, ((last - first + 1) * by - 1) / 2)];
    look(Math.ceil(middle - half), Math.floor(middle + half));
  }
  function move(by) {
    const [first, last] = view();
    const step = Math.sign(by) * Math.max(1, Math.round(Math.abs(by) * (last - first + 1)));
    look(first + step, last + step);
  }

  function draw() {
    const [first, last] = view();
    const wide = Math.max(120, stage.clientWidth);
    const at = (number) => ((number - first) * wide) / (last - first + 1);
    const runs = within(data.numbers.runs, first, last);
    const cells = wide / (last - first + 1) >= CELL / 2;
    svg.setAttribute("width", wide);
    svg.setAttribute("aria-label", runs.length
      ? `Numbers ${range(first, last)}: ${runs.slice(0, 12).map((run) => `${range(run.first, run.last)} ${STATES[run.state][0]}`).join(", ")}`
      : "No events yet");
    fill(svg, patterns());
    for (const run of runs) {
      const [x, size] = [at(run.first), Math.max(3, at(run.last + 1) - at(run.first))];
      const box = drawn("rect", { x: Math.min(x, wide - size), y: 1, width: size, height: HIGH - 2, class: `run ${run.state}` });
      box.append(drawn("title", {}, `${range(run.first, run.last)}: ${STATES[run.state][0]}`));
      box.addEventListener("click", () => look(run.first, run.last));
      svg.append(box);
    }
    for (let number = first; cells && number <= last; number += 1) {
      if (number > first) svg.append(drawn("line", { x1: at(number), x2: at(number), y1: 1, y2: HIGH - 1, class: "split" }));
      if (wide / (last - first + 1) >= CELL + 10 * String(last).length / 2) {
        svg.append(drawn("text", { x: at(number + 0.5), y: HIGH + 16, "text-anchor": "middle" }, String(number)));
      }
    }
    for (const begin of data.numbers.segments.filter((each) => each > first && each <= last)) {
      const mark = drawn("path", { d: `M${at(begin)} 0V${HIGH + 6}`, class: "gap" });
      mark.append(drawn("title", {}, `a gap in time before ${begin}`));
      svg.append(mark);
    }
    if (wide / (last - first + 1) < CELL + 10 * String(last).length / 2) {
      svg.append(drawn("text", { x: 0, y: HIGH + 16 }, many(first)), drawn("text", { x: wide, y: HIGH + 16, "text-anchor": "end" }, many(last)));
    }
    for (const [input, value] of [[from, first], [to, last]]) if (input !== document.activeElement) input.value = value;
    renew(body, [within(data.numbers.runs, first, last), data.numbers.segments, data.numbers.lowestKept, data.next, data.status, data.failures, data.sockets, first, last],
      () => rows(first, last, runs));
  }

  function rows(first, last, runs) {
    const gaps = data.numbers.segments.filter((each) => each > Math.max(1, first) && each <= last).slice(-50).map((begin) => [begin, card(HEADS, [
      `before ${many(begin)}`, "", status("gap"),
      "topic, filters or status changed here: what happened in between has no number"])]);
    const kept = data.numbers.lowestKept;
    const told = runs.map((run) => [run.first, card(HEADS, [
      range(run.first, run.last), many(run.last - run.first + 1), status(run.state, STATES[run.state][0]),
      [meaning(data, run.state), run.state === "delivered" && run.first < kept && ` (kept from ${many(kept)} on)`],
      element("span.actions", {},
        button("Zoom", `Zoom to ${range(run.first, run.last)}`, () => look(run.first, run.last)),
        run.state === "delivered" && run.last >= kept && button("Replay", `Replay ${range(run.first, run.last)}`, () => replay(Math.max(run.first, kept), run.last)))])]);
    const all = [...gaps, ...told].sort((one, other) => one[0] - other[0]).map(([, row]) => row);
    return all.length ? all.slice(0, 200) : card(HEADS, ["none yet"]);
  }

  tools.addEventListener("submit", (event) => {
    event.preventDefault();
    look(Math.min(from.valueAsNumber || 1, to.valueAsNumber || total), Math.max(from.valueAsNumber || 1, to.valueAsNumber || total));
  });
  stage.addEventListener("keydown", (event) => {
    const found = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), ArrowLeft: () => move(-0.25), ArrowRight: () => move(0.25), Home: () => look(1, total) }[event.key];
    if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    found();
  });
  new ResizeObserver(() => data && draw()).observe(stage);

  return (given) => {
    data = given;
    total = given.numbers.total;
    draw();
  };
}
