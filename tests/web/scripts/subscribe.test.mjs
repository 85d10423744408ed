/** Whatever gets lost on the way: each event is told once, in order, or said to be lost. */

import assert from "node:assert/strict";
import { test } from "node:test";

const HASTE = 200;
const wait = globalThis.setTimeout;
globalThis.setTimeout = (action, milliseconds) => wait(action, milliseconds / HASTE);
const { readNotification, subscribe } = await import("../../../hub/web/static/subscribe.js");

const URL_OF_IT = "http://hub/fhir/r5/Subscription/s";

/** A hub with one Subscription, whose network does what `faults` say; they are asked by name. */
class Hub {
  total = 0;
  lowest = 1;
  asked = [];
  #tokens = new Map();
  sockets = new Set();

  constructor(faults = () => false) {
    this.faults = faults;
    globalThis.fetch = (url, options) => this.#answer(String(url), options);
    const hub = this;
    globalThis.WebSocket = class {
      static OPEN = 1;
      readyState = 0;
      constructor(url) {
        assert.equal(url, "ws://hub/ws");
        this.closed = false;
        wait(() => {
          if (hub.faults("connect")) return this.drop();
          this.readyState = 1;
          hub.sockets.add(this);
          this.onopen?.();
        });
      }
      send(text) {
        if (text.startsWith("bind-with-token ")) wait(() => hub.bind(this, text.slice(16)));
        else if (!this.isDead) wait(() => this.onmessage?.({ data: '{"type":"pong"}' }));
      }
      close() {
        this.closed = true;
        hub.sockets.delete(this);
      }
      drop() {
        this.close();
        this.onclose?.({ reason: "" });
      }
      give(notification) {
        if (!this.closed && !this.isDead) this.onmessage?.({ data: JSON.stringify(notification) });
      }
    };
  }

  #answer(url, { headers }) {
    this.asked.push(url.slice(URL_OF_IT.length + 1));
    this.headers = headers;
    const query = new URL(url).searchParams;
    const json = (status, body) => new Response(JSON.stringify(body), { status });
    if (this.refused) return Promise.resolve(json(this.refused, { issue: [{ diagnostics: "no more" }] }));
    if (this.faults("fetch")) return Promise.reject(new TypeError("network"));
    if (this.faults("busy")) return Promise.resolve(json(503, {}));
    if (url.includes("$get-ws-binding-token")) {
      const token = `t${this.asked.length}`;
      this.#tokens.set(token, query.get("resume-after"));
      return Promise.resolve(json(200, { parameter: [
        { name: "token", valueString: token }, { name: "websocket-url", valueUrl: "ws://hub/ws" },
      ] }));
    }
    const since = Number(query.get("eventsSinceNumber") ?? this.lowest);
    if (since < this.lowest) return Promise.resolve(json(410, {}));
    const until = Math.min(Number(query.get("eventsUntilNumber")), this.total, since + 2);
    return Promise.resolve(json(200, this.notification("query-event", since, until)));
  }

  bind(socket, token) {
    const after = this.#tokens.get(token);
    socket.give(this.notification("handshake"));
    const first = Math.max(this.lowest, after === null ? this.total + 1 : Number(after) + 1);
    for (let number = first; number <= this.total; number += 1) this.send(socket, number);
  }

  send(socket, number) {
    if (this.faults("lose")) return;
    socket.give(this.notification("event-notification", number, number));
    if (this.faults("repeat")) socket.give(this.notification("event-notification", number, number));
    if (this.faults("drop")) socket.drop();
  }

  happen() {
    this.total += 1;
    for (const socket of [...this.sockets]) this.send(socket, this.total);
  }

  beat() {
    for (const socket of [...this.sockets]) socket.give(this.notification("heartbeat"));
  }

  notification(type, first = 1, last = 0) {
    const notificationEvent = [];
    for (let number = first; number <= last; number += 1) {
      notificationEvent.push({ eventNumber: String(number), focus: { reference: `Task/${number}` } });
    }
    const eventsSinceSubscriptionStart = String(type === "event-notification" ? last : this.total);
    return { entry: [{ resource: { resourceType: "SubscriptionStatus", type, eventsSinceSubscriptionStart, notificationEvent } }] };
  }
}

const until = async (holds) => {
  for (let round = 0; !holds(); round += 1) {
    assert.ok(round < 5000, "it never came");
    await new Promise((resolve) => wait(resolve, 1));
  }
};

/** Follows, and keeps what is told. */
function follow(options = {}) {
  const told = { events: [], gaps: [], states: [], errors: [] };
  const live = subscribe(URL_OF_IT, {
    onEvent: (event) => told.events.push(event),
    onGap: (gap) => told.gaps.push(gap),
    onState: ({ state, error }) => { told.states.push(state); if (error) told.errors.push(error.message); },
    ...options,
  });
  return { live, told };
}

function luckOf(seed) {
  let state = seed * 7919 + 1;
  return (below) => (state = (state * 48271) % 2147483647) % below;
}

test("with any losses, repetitions and interruptions, all events come once and in order", async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const luck = luckOf(seed);
    const rates = { connect: luck(3) * 10, fetch: luck(3) * 10, busy: luck(3) * 10, lose: luck(4) * 10, repeat: luck(4) * 10, drop: luck(3) * 5 };
    let isCalm = false;
    const hub = new Hub((name) => !isCalm && luck(100) < rates[name]);
    const { live, told } = follow({ after: 0 });
    for (let step = 0; step < 40; step += 1) {
      hub.happen();
      if (luck(4) === 0) hub.beat();
      if (luck(3) === 0) await new Promise((resolve) => wait(resolve, luck(4)));
    }
    isCalm = true;
    const beating = setInterval(() => hub.beat(), 2);
    await until(() => live.last === 40);
    clearInterval(beating);
    live.close();
    assert.deepEqual(told.events.map(({ number }) => number), Array.from({ length: 40 }, (_, at) => at + 1), `seed ${seed}`);
    assert.ok(told.events.every(({ number, focus }) => focus === `Task/${number}`));
    assert.deepEqual(told.gaps.filter(({ lost }) => lost), []);
  }
});

test("what the hub keeps no longer is said to be lost, and the rest recovered", async () => {
  const hub = new Hub();
  const { live, told } = follow({ after: 0 });
  await until(() => told.states.includes("live"));
  hub.faults = (name) => name === "lose";
  for (let round = 0; round < 5; round += 1) hub.happen();
  hub.lowest = 3;
  hub.faults = () => false;
  hub.happen();
  await until(() => live.last === 6);
  live.close();
  assert.deepEqual(told.events.map(({ number, recovered }) => [number, recovered]), [[3, true], [4, true], [5, true], [6, false]]);
  assert.deepEqual(told.gaps, [{ first: 1, last: 5, lost: false }, { first: 1, last: 2, lost: true }]);
});

test("a heartbeat shows a gap, too", async () => {
  const hub = new Hub();
  const { live, told } = follow();
  await until(() => told.states.includes("live"));
  hub.faults = (name) => name === "lose";
  hub.happen();
  hub.beat();
  await until(() => live.last === 1);
  live.close();
  assert.deepEqual(told.events.map(({ recovered }) => recovered), [true]);
});

test("without a number, what was told to others before is not told again", async () => {
  const hub = new Hub();
  hub.total = 7;
  const { live, told } = follow();
  await until(() => told.states.includes("live"));
  hub.happen();
  await until(() => live.last === 8);
  live.close();
  assert.deepEqual(told.gaps, []);
  assert.deepEqual(hub.asked, ["$get-ws-binding-token"]);
});

test("a connection on which nothing comes is made anew, one that answers pings is not", async () => {
  const hub = new Hub();
  const { live, told } = follow({ after: 0 });
  await until(() => told.states.includes("live"));
  await new Promise((resolve) => wait(resolve, 4 * 25_000 / HASTE));
  assert.deepEqual(told.states, ["connecting", "live"]);
  for (const socket of hub.sockets) socket.isDead = true;
  hub.happen();
  await until(() => live.last === 1);
  live.close();
  assert.deepEqual(told.states, ["connecting", "live", "waiting", "connecting", "live", "closed"]);
  assert.deepEqual(told.errors, ["the connection is dead"]);
  assert.equal(told.events[0].recovered, true);
});

test("numbers that begin anew are said and followed", async () => {
  const hub = new Hub();
  const { live, told } = follow({ after: 9 });
  await until(() => told.states.includes("live"));
  hub.happen();
  await until(() => told.events.length === 1);
  live.close();
  assert.deepEqual([told.events[0].number, told.events[0].recovered, live.last], [1, false, 1]);
  assert.ok(told.states.includes("renumbered"));
});

test("what the hub refuses ends it, with the hub's words", async () => {
  const hub = new Hub();
  hub.refused = 404;
  const { told } = follow({ token: "secret" });
  await until(() => told.states.includes("refused"));
  assert.equal(hub.headers.authorization, "Bearer secret");
  await new Promise((resolve) => wait(resolve, 100));
  assert.deepEqual([told.states, told.errors, hub.asked.length], [["connecting", "refused"], ["no more"], 1]);
});

test("closing ends everything, whenever", async () => {
  const hub = new Hub();
  const first = follow();
  first.live.close();
  const second = follow();
  await until(() => second.told.states.includes("live"));
  second.live.close();
  hub.happen();
  await new Promise((resolve) => wait(resolve, 50));
  assert.deepEqual([first.told.states, second.told.states], [["connecting", "closed"], ["connecting", "live", "closed"]]);
  assert.deepEqual([second.told.events, hub.sockets.size], [[], 0]);
});

test("a listener that fails loses nothing", async () => {
  const failures = [];
  const later = globalThis.queueMicrotask;
  globalThis.queueMicrotask = (action) => later(() => {
    try { action(); } catch (error) { failures.push(error.message); }
  });
  const hub = new Hub();
  const { live, told } = follow({ onEvent: ({ number }) => { throw new Error(`at ${number}`); } });
  await until(() => told.states.includes("live"));
  hub.happen();
  hub.happen();
  await until(() => live.last === 2);
  live.close();
  await until(() => failures.length === 2);
  globalThis.queueMicrotask = later;
  assert.deepEqual(failures, ["at 1", "at 2"]);
});

test("a notification reads the same in R4 and R5", () => {
  const r5 = { entry: [{ resource: {
    resourceType: "SubscriptionStatus", type: "event-notification", status: "active", topic: "http://t",
    subscription: { reference: "Subscription/s" }, eventsSinceSubscriptionStart: "4", error: [{ text: "late" }],
    notificationEvent: [{
      eventNumber: "4", timestamp: "2026-01-01T00:00:00Z", focus: { reference: "Task/1" },
      additionalContext: [{ reference: "Patient/1" }, { reference: "Patient/2" }],
    }],
  } }] };
  const r4 = { entry: [{ resource: { resourceType: "Parameters", parameter: [
    { name: "type", valueCode: "event-notification" }, { name: "status", valueCode: "active" },
    { name: "topic", valueCanonical: "http://t" },
    { name: "subscription", valueReference: { reference: "Subscription/s" } },
    { name: "events-since-subscription-start", valueString: "4" },
    { name: "error", valueCodeableConcept: { text: "late" } },
    { name: "notification-event", part: [
      { name: "event-number", valueString: "4" }, { name: "timestamp", valueInstant: "2026-01-01T00:00:00Z" },
      { name: "focus", valueReference: { reference: "Task/1" } },
      { name: "additional-context", valueReference: { reference: "Patient/1" } },
      { name: "additional-context", valueReference: { reference: "Patient/2" } },
    ] },
  ] } }] };
  const read = (bundle) => ({ ...readNotification(bundle), bundle: null });
  assert.deepEqual(read(r4), read(r5));
  assert.deepEqual(read(r5).events, [{
    number: 4, timestamp: "2026-01-01T00:00:00Z", focus: "Task/1", context: ["Patient/1", "Patient/2"],
  }]);
  for (const other of [null, {}, { type: "pong" }, { entry: [{}] }]) assert.equal(readNotification(other), null);
});
