/** Makes elements. Every value becomes text or an attribute, never markup. */

/**
 * @param {string} name of the element, with classes: "td.number"
 * @param {object} [given] attributes; a function is a listener ("click"), true an empty attribute,
 *   false, null and undefined none; "data-..." and "aria-..." as written
 * @param {...(Node|string|number|null|undefined|Array)} inside
 */
export function element(name, given = {}, ...inside) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(given)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  return put(made, inside);
}

/** Makes an element of a drawing (SVG); widths and places are attributes, too. */
export function drawn(name, given = {}, ...inside) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(given)) made.setAttribute(key, value);
  return put(made, inside);
}

/** Appends what is there to an element and returns it. */
export function put(parent, inside) {
  for (const each of [inside].flat(Infinity)) if (each != null && each !== false) parent.append(each);
  return parent;
}

/** Replaces what is in an element. */
export function fill(parent, ...inside) {
  parent.replaceChildren();
  return put(parent, inside);
}

/** An instant as people read it; the machine's form is in the title. */
export function instant(text) {
  if (!text) return "";
  const at = new Date(text);
  const isToday = at.toDateString() === new Date().toDateString();
  return element("time", { datetime: text, title: text },
    isToday ? at.toLocaleTimeString() : at.toLocaleString());
}

/** A text in which only the beginning of each long id is left. */
export const shortened = (text) => text.replace(/([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "$1…");

/** A reference; where it is shortened, all of it is in the title. */
export const referenced = (text) =>
  element("code", { title: shortened(text) === text ? null : text }, shortened(text));

/** A length of time in seconds as people say it: "4 s", "3 min", "2 h", "5 d". */
export function span(seconds) {
  const size = Math.abs(seconds);
  if (size < 1) return `${Math.round(seconds * 1000)} ms`;
  if (size < 120) return `${Math.round(seconds)} s`;
  if (size < 7200) return `${Math.round(seconds / 60)} min`;
  return size < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}
