/**
 * Live notifications of a websocket Subscription of R4, R4B or R5: in order, without gaps. It depends
 * on nothing, and works in pages of every origin that the hub lets in (--cors-origin):
 *
 *   import { subscribe } from "http://127.0.0.1:8080/static/subscribe.js";
 *   const live = subscribe("http://127.0.0.1:8080/fhir/r5/Subscription/page", {
 *     onEvent: ({ number, focus, recovered }) => console.log(number, focus, recovered),
 *   });
 *
 * Sources: http://hl7.org/fhir/R5/subscriptions.html; backport IG, "Channels" (websockets).
 */

const [QUIET, PATIENCE, FIRST_WAIT, LONGEST_WAIT] = [15_000, 10_000, 250, 10_000];
const PASSING = new Set([408, 425, 429]);
const LISTS = new Set(["notification-event", "additional-context", "error"]);

/**
 * Follows the Subscription at a URL until `close()`; `last` is the last number told. Options:
 * token      sent as "Authorization: Bearer"
 * after      the last number that you know: later ones come first; 0 for all that are kept;
 *            without it, what nobody was sent yet
 * websocket  where to connect, if not where the hub says
 * onEvent    gets each event once, in the order of its `number`: `focus` and `context` are references,
 *            `recovered` tells that it was missed when it happened; `notification.bundle` has it all
 * onGap      numbers `first` to `last` are missing and asked for; if `lost`, the hub has them not
 * onState    `state` is "connecting"; "live", with the `total` of events and how many were `missed`;
 *            "renumbered"; "waiting", with `error` and `milliseconds`; "refused", with `error`, then
 *            nothing more comes; "closed"
 * onNotification  gets each notification, also handshakes and heartbeats
 */
export function subscribe(subscription, options = {}) {
  let last = options.after ?? null;
  let [greeted, missed, tries] = [0, 0, 0];
  let [isRenumbered, isOver] = [false, false];
  let [socket, timer] = [null, null];
  let queue = Promise.resolve();

  const call = (listener, given) => {
    try { listener?.(given); } catch (error) { queueMicrotask(() => { throw error; }); }
  };
  const tell = (state, more) => call(options.onState, { state, ...more });

  async function get(path) {
    const headers = { accept: "application/fhir+json" };
    if (options.token) headers.authorization = `Bearer ${options.token}`;
    const signal = AbortSignal.timeout(3 * PATIENCE);
    const response = await fetch(`${subscription}/${path}`, { headers, signal, cache: "no-store" });
    const body = await response.json().catch(() => null);
    if (response.ok) return body;
    const words = body?.issue?.[0]?.diagnostics ?? `the hub answered HTTP ${response.status}`;
    throw Object.assign(new Error(words), { status: response.status, outcome: body });
  }

  async function connect() {
    clearTimeout(timer);
    tell("connecting");
    let opened = null;
    try {
      const query = last === null ? "" : `?resume-after=${last}`;
      const { token, websocketUrl } = plain((await get(`$get-ws-binding-token${query}`)).parameter);
      if (isOver) return;
      opened = new WebSocket(options.websocket ?? websocketUrl);
      opened.onopen = () => opened.send(`bind-with-token ${token}`);
    } catch (error) {
      const isFinal = error.status < 500 && !PASSING.has(error.status);
      return isFinal ? end("refused", error) : again(error);
    }
    socket = opened;
    opened.onclose = ({ reason }) => drop(opened, new Error(reason || "the connection was lost"));
    opened.onmessage = ({ data }) => {
      watch(opened);
      queue = queue.then(() => take(opened, JSON.parse(data))).catch((error) => drop(opened, error));
    };
    watch(opened);
  }

  /** Notices a connection on which nothing comes any more, not even the answer to a ping. */
  function watch(from) {
    if (from !== socket) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (from.readyState === WebSocket.OPEN) from.send('{"type":"ping"}');
      timer = setTimeout(() => drop(from, new Error("the connection is dead")), PATIENCE);
    }, QUIET);
  }

  function drop(from, error) {
    if (from !== socket) return;
    socket = null;
    from.close();
    again(error);
  }

  function again(error) {
    if (isOver) return;
    clearTimeout(timer);
    const milliseconds = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** tries++) * (0.5 + Math.random() / 2);
    timer = setTimeout(connect, milliseconds);
    tell("waiting", { error, milliseconds });
  }

  /** Takes a notification of a connection, unless that was dropped: then it comes again. */
  async function take(from, bundle) {
    const notification = from === socket ? readNotification(bundle) : null;
    if (!notification) return;
    const { type, total, events } = notification;
    if (type === "handshake") {
      [tries, greeted, missed] = [0, total, last === null ? 0 : total];
      isRenumbered = last !== null && total < last;
      tell("live", { total, missed: Math.max(0, missed - last) });
    }
    call(options.onNotification, notification);
    for (const event of events) {
      if (isRenumbered && event.number <= last) tell("renumbered", { before: last = event.number - 1 });
      isRenumbered = false;
      last ??= Math.min(event.number - 1, greeted);
      if (event.number > last + 1) await recover(from, event.number - 1);
      if (from !== socket) return;
      give(event, notification, event.number <= missed);
    }
    if (type === "heartbeat" && total > (last ??= greeted)) await recover(from, total);
  }

  function give(event, notification, recovered) {
    if (event.number <= last) return;
    last = event.number;
    call(options.onEvent, { ...event, recovered, notification });
  }

  /** Fetches the numbers up to `until` that are missing; those that are gone are lost. */
  async function recover(from, until) {
    call(options.onGap, { first: last + 1, last: until, lost: false });
    let since = `eventsSinceNumber=${last + 1}&`;
    while (from === socket && last < until) {
      const before = last;
      const answer = await get(`$events?${since}eventsUntilNumber=${until}`).catch((error) => {
        if (error.status !== 410) throw error;
      });
      if (from !== socket) return;
      if (!answer && since) {
        since = ""; // what is left of them, from the lowest number on that is kept
        continue;
      }
      const notification = readNotification(answer);
      for (const event of notification?.events ?? []) {
        if (event.number > until) break;
        if (event.number > last + 1) lose(event.number - 1);
        give(event, notification, true);
      }
      if (last === before) lose(until);
      since = `eventsSinceNumber=${last + 1}&`;
    }
  }

  function lose(until) {
    call(options.onGap, { first: last + 1, last: until, lost: true });
    last = until;
  }

  function end(state, error) {
    if (isOver) return;
    [isOver, socket] = [true, socket?.close()];
    clearTimeout(timer);
    tell(state, { error });
  }

  connect();
  return { close: () => end("closed"), get last() { return last; } };
}

/** What a notification Bundle of any release says, in plain names; null if it is none. */
export function readNotification(bundle) {
  const resource = bundle?.entry?.[0]?.resource;
  const status = resource?.resourceType === "Parameters" ? plain(resource.parameter) : resource;
  if (!status?.type) return null;
  return {
    bundle, type: status.type, status: status.status, topic: status.topic,
    subscription: status.subscription?.reference, errors: (status.error ?? []).map(({ text }) => text),
    total: Number(status.eventsSinceSubscriptionStart ?? 0),
    events: (status.notificationEvent ?? []).map((each) => ({
      number: Number(each.eventNumber), timestamp: each.timestamp, focus: each.focus?.reference,
      context: (each.additionalContext ?? []).map((every) => every.reference),
    })),
  };
}

/** Parameters as an object: that is what R4 has in place of SubscriptionStatus. */
function plain(parameters) {
  const made = {};
  for (const each of parameters ?? []) {
    const name = each.name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
    const key = Object.keys(each).find((every) => every.startsWith("value"));
    const given = each.part ? plain(each.part) : each[key];
    if (LISTS.has(each.name)) (made[name] ??= []).push(given);
    else made[name] = given;
  }
  return made;
}
