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
const PATTERNS = { resend: "M0 6L6 0", retrying: "M3 0V6", lost: "M0 0L6 6M0 6L6 0", held: "M0 3H6" };
const HEADS = [["Numbers"], ["How many", "number"], ["State"], ["What that means"], ["Do"]];
const many = (number) => number.toLocaleString();
const range = (first, last) => (first === last ? many(first) : `${many(first)} to ${many(last)}`);

function patterns() {
  return drawn("defs", {}, Object.entries(PATTERNS).map(([state, path]) =>
    drawn("pattern", { id: `line-${state}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" },
      drawn("rect", { width: 6, height: 6, class: "under" }), drawn("path", { d: path, class: state }))));
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
  let asked = /[?&]numbers=(\d{1,15})\.\.(\d{1,15})/.exec(location.search)?.slice(1).map(Number) ?? null;

  function view() {
    if (!asked) return [1, total];
    const first = Math.min(Math.max(1, asked[0]), Math.max(1, total));
    return [first, Math.max(first, Math.min(asked[1], total))];
  }

  function look(first, last) {
    const size = Math.max(1, Math.min(total, Math.round(last - first) + 1));
    const begin = Math.round(Math.min(Math.max(1, first), total - size + 1));
    asked = size >= total ? null : [begin, begin + size - 1];
    history.replaceState(null, "", location.pathname + (asked ? `?numbers=${asked.join("..")}` : ""));
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
    const { lowestKept, segments } = data.numbers;
    const runs = within(data.numbers.runs, first, last);
    const wide = Math.max(120, stage.clientWidth);
    const each = wide / (last - first + 1);
    const at = (number) => (number - first) * each;
    const text = (x, anchor, words) => drawn("text", { x, y: HIGH + 16, "text-anchor": anchor }, words);
    const told = runs.slice(0, 12).map((run) => `${range(run.first, run.last)} ${STATES[run.state][0]}`);
    svg.setAttribute("width", wide);
    svg.setAttribute("aria-label", runs.length ? `Numbers ${range(first, last)}: ${told.join(", ")}` : "No events yet");
    fill(svg, patterns());
    for (const { first: low, last: high, state } of runs) {
      const width = Math.max(3, at(high + 1) - at(low));
      const x = Math.min(at(low), wide - width);
      const box = drawn("rect", { x, y: 1, width, height: HIGH - 2, class: `run ${state}` },
        drawn("title", {}, `${range(low, high)}: ${STATES[state][0]}`));
      box.addEventListener("click", () => look(low, high));
      svg.append(box);
    }
    const isNamed = each >= CELL + 5 * String(last).length;
    for (let number = first; each >= CELL / 2 && number <= last; number += 1) {
      if (number > first) svg.append(drawn("path", { d: `M${at(number)} 1V${HIGH - 1}`, class: "split" }));
      if (isNamed) svg.append(text(at(number + 0.5), "middle", number));
    }
    if (!isNamed) svg.append(text(0, "start", many(first)), text(wide, "end", many(last)));
    for (const begin of segments.filter((number) => number > first && number <= last)) {
      svg.append(drawn("path", { d: `M${at(begin)} 0V${HIGH + 6}`, class: "gap" }));
    }
    for (const [input, value] of [[from, first], [to, last]]) {
      if (input !== document.activeElement) input.value = value;
    }
    const { next, status: standing, failures, sockets } = data;
    renew(body, [runs, segments, lowestKept, next, standing, failures, sockets], () => rows(first, last, runs));
  }

  function rows(first, last, runs) {
    const { lowestKept: kept, segments, runs: [begun] } = data.numbers;
    const gaps = segments.filter((begin) => begin > first && begin <= last).slice(-50).map((begin) => [begin, [
      `before ${many(begin)}`, null, status("gap"),
      `${begun.state === "former" && begin === begun.last + 1 ? "it was deleted and created again"
        : "topic, filters or status changed"} here: what happened in between has no number`]]);
    const told = runs.map(({ first: low, last: high, state }) => {
      const [words, isSent] = [range(low, high), state === "delivered"];
      return [low, [
        words, many(high - low + 1), status(state, STATES[state][0]),
        [meaning(data, state), isSent && low < kept && ` (kept from ${many(kept)} on)`],
        element("span.actions", {},
          button("Zoom", `Zoom to ${words}`, () => look(low, high)),
          isSent && high >= kept
            && button("Replay", `Replay ${words}`, () => replay(Math.max(low, kept), high)))]];
    });
    if (!told.length) return card(HEADS, ["none yet"]);
    const ordered = [...gaps, ...told].sort(([one], [other]) => one - other).slice(0, 200);
    return ordered.map(([, values]) => card(HEADS, values));
  }

  tools.addEventListener("submit", (event) => {
    event.preventDefault();
    const [one, other] = [from.valueAsNumber || 1, to.valueAsNumber || total];
    look(Math.min(one, other), Math.max(one, other));
  });
  stage.addEventListener("keydown", (event) => {
    const found = {
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2),
      ArrowLeft: () => move(-0.25), ArrowRight: () => move(0.25), Home: () => look(1, total),
    }[event.key];
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
