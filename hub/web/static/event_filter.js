/**
 * The filter of the event list: "type:Task,Patient status:failed #12..20 lab".
 * All terms must hold; a comma means or, a minus before a term not. Nothing here touches the page.
 */

const STATUSES = ["delivered", "waiting", "retrying", "held", "failed", "recovered", "live"];
const CHANGES = ["create", "update", "delete"];
const FAILED = new Set(["retrying", "held"]);

/** What a term may begin with, and how an event is held against its values (in lower case). */
const FIELDS = {
  type: (event, values) => values.includes(event.type.toLowerCase()),
  id: (event, values) => values.includes(event.id.toLowerCase()),
  change: (event, values) => values.includes(event.change),
  sub: (event, values) =>
    event.told.some(({ id, name }) =>
      values.some((value) => id.toLowerCase().includes(value) || name.toLowerCase().includes(value))),
  status: (event, values) => values.some((value) => hasStatus(event, value)),
};
const CODES = { status: STATUSES, change: CHANGES };

/** Fields that can be told only of events whose trace was read. */
const TRACED = new Set(["sub", "change", "status"]);

function hasStatus(event, value) {
  if (value === "recovered" || value === "live") return event.recovered === (value === "recovered");
  return event.told.some(({ standing }) => standing === value || (value === "failed" && FAILED.has(standing)));
}

/**
 * @param {string} text
 * @returns {{ error: string, test: (event: object) => boolean, needsTrace: boolean }}
 *   `error` is empty where the text can be read, else it says what can't; then all events pass.
 */
export function readFilter(text) {
  const terms = [];
  let needsTrace = false;
  for (const [whole, not, quoted, open, word] of text.matchAll(/(-?)(?:"([^"]*)"|("[^"]*$)|(\S+))/g)) {
    if (open !== undefined) return wrong(`${open} has no end: a second " is missing`);
    const term = quoted === undefined ? read(word) : { test: says(quoted.toLowerCase()) };
    if (term.error) return wrong(term.error);
    if (whole === "-") return wrong('"-" stands before what is not wanted, as in -type:Task');
    needsTrace ||= term.needsTrace ?? false;
    terms.push(not ? (event) => !term.test(event) : term.test);
  }
  return { error: "", test: (event) => terms.every((test) => test(event)), needsTrace };
}

const wrong = (error) => ({ error, test: () => true, needsTrace: false });

function read(word) {
  if (word.startsWith("#")) return readNumbers(word);
  const field = /^([A-Za-z_]+):(.*)$/.exec(word);
  if (!field) return { test: says(word.toLowerCase()) };
  const [, name, rest] = field;
  if (!Object.hasOwn(FIELDS, name)) {
    return { error: `${name}: is no field; there are ${Object.keys(FIELDS).join(", ")} and #12..20. `
      + `To search for these words, write "${word}"` };
  }
  const values = rest.toLowerCase().split(",").filter(Boolean);
  if (!values.length) return { error: `${name}: says nothing; write ${name}:${CODES[name]?.[0] ?? "..."}` };
  const unknown = values.find((value) => CODES[name] && !CODES[name].includes(value));
  if (unknown) return { error: `${name}:${unknown} is unknown; there are ${CODES[name].join(", ")}` };
  const isTraced = TRACED.has(name) && !values.every((value) => value === "recovered" || value === "live");
  return { test: (event) => FIELDS[name](event, values), needsTrace: isTraced };
}

function readNumbers(word) {
  const [, first, dots, last] = /^#(\d*)(\.\.)?(\d*)$/.exec(word) ?? [];
  if (!first && !last) return { error: `${word} is no number; write #12, #12..20, #12.. or #..20` };
  const low = first ? Number(first) : 0;
  const high = dots ? (last ? Number(last) : Infinity) : low;
  if (low > high) return { error: `${word} ends before it begins` };
  return { test: ({ number }) => number >= low && number <= high };
}

/** Free text: in the reference, the number, or what is known of who was told. */
function says(words) {
  return (event) =>
    event.reference.toLowerCase().includes(words) || `#${event.number}`.includes(words)
    || (event.change ?? "").includes(words)
    || event.told.some(({ name, id, standing }) => `${name} ${id} ${standing}`.toLowerCase().includes(words));
}
