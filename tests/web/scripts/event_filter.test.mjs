/** The filter of the live page. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { readFilter } from "../../../hub/web/static/event_filter.js";

const told = (id, standing) => ({ id, name: `${id} system`, standing });
const EVENTS = [
  { number: 1, reference: "Task/a", type: "Task", id: "a", recovered: false, change: "create", told: [told("lab", "delivered")] },
  { number: 2, reference: "Task/b", type: "Task", id: "b", recovered: true, change: "update", told: [told("lab", "retrying"), told("ward", "held")] },
  { number: 12, reference: "Patient/p", type: "Patient", id: "p", recovered: false, change: null, told: [] },
];

const passing = (text) => {
  const filter = readFilter(text);
  assert.equal(filter.error, "", text);
  return EVENTS.filter(filter.test).map(({ number }) => number);
};

for (const [text, numbers] of [
  ["", [1, 2, 12]],
  ["  ", [1, 2, 12]],
  ["type:Task", [1, 2]],
  ["type:task,Patient", [1, 2, 12]],
  ["-type:Task", [12]],
  ["id:b", [2]],
  ["change:create", [1]],
  ["change:create,update", [1, 2]],
  ["sub:lab", [1, 2]],
  ["sub:ward", [2]],
  ["status:delivered", [1]],
  ["status:failed", [2]],
  ["status:held", [2]],
  ["status:waiting", []],
  ["status:recovered", [2]],
  ["status:live", [1, 12]],
  ["#2", [2]],
  ["#2..12", [2, 12]],
  ["#2..", [2, 12]],
  ["#..2", [1, 2]],
  ["-#2", [1, 12]],
  ["task", [1, 2]],
  ["Task/a", [1]],
  ['"patient/p"', [12]],
  ['-"patient/p"', [1, 2]],
  ["type:Task #..1 lab", [1]],
  ['"ward system"', [2]],
]) {
  test(`"${text}" passes ${numbers.join(", ") || "nothing"}`, () => assert.deepEqual(passing(text), numbers));
}

for (const [text, why] of [
  ["foo:Task", /foo: is no field; there are type, .* write "foo:Task"/],
  ["constructor:x", /is no field/],
  ["type:", /type: says nothing/],
  ["status:,", /status: says nothing; write status:delivered/],
  ["status:lost", /status:lost is unknown; there are delivered, /],
  ["change:read", /change:read is unknown/],
  ["#", /# is no number; write #12, /],
  ["#a", /#a is no number/],
  ["#..", /is no number/],
  ["#1..2..3", /is no number/],
  ["#5..4", /#5\.\.4 ends before it begins/],
  ['type:Task "open', /"open has no end/],
  ["type:Task -", /"-" stands before/],
]) {
  test(`"${text}" is refused, and hides nothing`, () => {
    const filter = readFilter(text);
    assert.match(filter.error, why);
    assert.deepEqual(EVENTS.filter(filter.test).length, EVENTS.length);
    assert.equal(filter.needsTrace, false);
  });
}

test("what only a trace tells is asked for only then", () => {
  for (const text of ["sub:lab", "status:failed", "change:create", "type:Task -status:held"]) {
    assert.equal(readFilter(text).needsTrace, true, text);
  }
  for (const text of ["", "type:Task", "#1", "lab", "status:recovered", "status:live,recovered"]) {
    assert.equal(readFilter(text).needsTrace, false, text);
  }
});

test("whatever is typed, it is read or refused in words", () => {
  const letters = ['"', "-", "#", ".", ":", ",", " ", "type", "status", "1", "ä", "\\", "("];
  let seed = 1;
  const luck = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 5000; round += 1) {
    const text = Array.from({ length: luck(8) }, () => letters[luck(letters.length)]).join("");
    const { error, test: passes } = readFilter(text);
    assert.equal(typeof error, "string");
    EVENTS.forEach((event) => assert.equal(typeof passes(event), "boolean"));
  }
});
