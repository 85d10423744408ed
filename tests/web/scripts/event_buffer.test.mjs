/** What the live page keeps and shows. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventBuffer } from "../../../hub/web/static/event_buffer.js";

const events = (first, last) => Array.from({ length: last - first + 1 }, (_, at) => ({ number: first + at }));
const numbers = (rows) => rows.map(({ number }) => number);

test("the newest are kept, in order, and never many more than wanted", () => {
  const buffer = new EventBuffer(100);
  for (let first = 1; first < 5000; first += 7) {
    buffer.add(events(first, first + 6));
    assert.ok(buffer.size <= 117 && buffer.shown.length <= 117);
    assert.equal(buffer.shown.at(-1).number, first + 6);
    assert.deepEqual(numbers(buffer.shown), numbers(events(buffer.shown[0].number, first + 6)));
    if (first > 100) assert.ok(buffer.shown.length >= 100);
  }
});

test("while paused, what is shown stays, and what comes is counted", () => {
  const buffer = new EventBuffer(100);
  buffer.filter(({ number }) => number % 2 === 0);
  buffer.add(events(1, 10));
  buffer.pause();
  buffer.add(events(11, 20));
  assert.deepEqual(numbers(buffer.shown), [2, 4, 6, 8, 10]);
  assert.equal(buffer.fresh, 5);
  buffer.resume();
  assert.deepEqual(numbers(buffer.shown), [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
  assert.equal(buffer.fresh, 0);
});

test("a new filter looks at all that is kept", () => {
  const buffer = new EventBuffer(100);
  buffer.filter(() => false);
  buffer.add([...events(1, 3), { note: true }]);
  assert.deepEqual(buffer.shown, [{ note: true }]);
  buffer.filter(({ number }) => number > 1);
  assert.deepEqual(numbers(buffer.shown), [2, 3, undefined]);
  assert.deepEqual(numbers(buffer.newest(3)), [3, 2]);
  buffer.clear();
  assert.deepEqual([buffer.size, buffer.shown.length], [0, 0]);
});
