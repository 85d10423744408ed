/** The fields of a Subscription: topic, filters, channel and how it is used. */

import { element, fill, put } from "./element.js";
import { Filters } from "./create_filters.js";
import { Headers } from "./create_headers.js";
import { Place } from "./create_place.js";

const CHANNELS = {
  "rest-hook": "the hub posts to your endpoint",
  websocket: "you connect, the hub sends",
  email: "a mail to a person",
  message: "a FHIR message to $process-message",
};
const CONTENTS = {
  empty: "nothing but that something happened",
  "id-only": "which resource",
  "full-resource": "the resource itself",
};
const NUMBERS = [
  ["heartbeatPeriod", "Heartbeat", "seconds of silence after which the hub says that it is there; none if empty"],
  ["timeout", "Timeout", "seconds that you may take to answer, 120 at most"],
  ["maxCount", "Events at once", "at most so many in one notification"],
];

export class Fields {
  /** `offered` is the JSON of this page; `changed` is called at each change. */
  constructor(offered, changed) {
    this.offered = offered;
    this.changed = changed;
    this.places = {};
    this.filters = new Filters(changed);
    this.headers = new Headers(changed);
    const topics = offered.topics.map((each) =>
      element("option", { value: each.canonical }, `${each.title ?? each.name} (${each.name})`));
    this.topic = element("select", { required: true }, element("option", { value: "" }, "Choose a topic"), topics);
    this.about = element("p.soft", {});
    this.types = element("datalist", { id: "types" });
    this.place("topic", "Topic", this.topic);
    this.place("endpoint", "Endpoint", input("url"));
    this.place("contentType", "MIME type", input("text", { list: "types", spellcheck: "false" }));
    this.place("end", "Ends", input("text", { placeholder: "2030-01-31T12:00:00Z" }),
      "an instant with its zone; never if empty");
    for (const [name, label, hint] of NUMBERS) this.place(name, label, input("text", { inputmode: "numeric" }), hint);
    this.choices("channelType", "Channel", offered.channels.map(({ code, offered: there }) =>
      [code, there ? CHANNELS[code] : "not offered here: the hub has no mail server"]));
    this.choices("content", "Content", offered.contents.map(({ code }) => [code, CONTENTS[code]]));
    this.own = element("p.hint", {});
    this.places.endpoint.element.append(this.own);
    const { topic, channelType, endpoint, content, contentType, heartbeatPeriod, timeout, maxCount, end } = this.places;
    this.more = element("details.more", {}, element("summary", {}, "Heartbeat, timeout, batches, format, end"),
      [heartbeatPeriod, timeout, maxCount, contentType, end].map((each) => each.element), this.types);
    this.element = element("div.ask", {},
      element("fieldset", {}, element("legend", {}, "What"), topic.element, this.about, this.filters.element),
      element("fieldset", {}, element("legend", {}, "How"),
        [channelType, endpoint].map((each) => each.element), this.headers.element, content.element, this.more));
    this.topic.addEventListener("change", () => this.showTopic());
    this.element.addEventListener("input", () => {
      this.showChannel();
      changed();
    });
  }

  place(name, label, control, hint) {
    this.places[name] = new Place(name, label, control, hint);
  }

  choices(name, label, options) {
    const group = element("div.choices", { role: "radiogroup", "aria-label": label }, options.map(([value, words]) =>
      element("label", { title: words }, element("input", { type: "radio", name, value }), ` ${value} `,
        element("span.soft", {}, words))));
    this.places[name] = new Place(name, label, group);
  }

  text(name) {
    const { control } = this.places[name];
    if (control.localName === "div") return control.querySelector(":checked")?.value ?? "";
    return control.value.trim();
  }

  set(name, value) {
    const { control } = this.places[name];
    if (control.localName !== "div") control.value = value;
    else for (const each of control.querySelectorAll("input")) each.checked = each.value === value;
  }

  get channel() {
    return this.offered.channels.find(({ code }) => code === this.text("channelType"));
  }

  /** What is asked of the hub, and which rows the places of its lists stand for. */
  form() {
    const { endpoint, headers } = this.channel ?? {};
    const filters = this.filters.filled();
    const lines = headers ? this.headers.filled() : [];
    const body = { filterBy: filters.map((row) => row.value()), parameter: lines.map((row) => row.value()) };
    for (const name of Object.keys(this.places)) body[name] = this.text(name);
    if (!endpoint) body.endpoint = "";
    return { body, rows: { filterBy: filters, parameter: lines } };
  }

  /** What a link keeps. */
  state() {
    const kept = {
      filters: this.filters.filled().map((row) => row.text()),
      headers: this.headers.filled().map((row) => row.value().name).filter(Boolean),
    };
    for (const name of Object.keys(this.places)) kept[name] = this.text(name);
    return kept;
  }

  async restore(state) {
    const wanted = this.offered.topics.find((each) =>
      [each.canonical, each.canonical.split("|")[0], each.name].includes(state.topic));
    for (const name of Object.keys(this.places)) this.set(name, state[name] ?? "");
    this.topic.value = wanted?.canonical ?? "";
    if (state.topic && !wanted) this.places.topic.say(`✗ ${state.topic} is no active topic of this hub`);
    if (!this.text("channelType")) this.set("channelType", "rest-hook");
    if (!this.text("content")) this.set("content", "id-only");
    this.headers.restore(state.headers);
    this.more.open = NUMBERS.some(([name]) => state[name]) || Boolean(state.contentType || state.end);
    this.showChannel();
    await this.showTopic(state.filters);
  }

  /** Shows what the topic tells and its filters; `texts` are those to fill in. */
  async showTopic(texts = this.filters.filled().map((row) => row.text())) {
    const topic = this.offered.topics.find((each) => each.canonical === this.topic.value);
    fill(this.about, topic?.description, topic && [" ", element("a", { href: new URL(topic.page).pathname }, "more")]);
    await this.filters.show(topic, texts);
    this.changed();
  }

  showChannel() {
    const channel = this.channel;
    if (!channel || channel === this.shown) return;
    this.shown = channel;
    const { endpoint } = this.places;
    endpoint.element.hidden = !channel.endpoint;
    endpoint.control.placeholder = channel.endpoint ?? "";
    fill(this.own, channel.own && element("button.plain", { type: "button", click: () => this.use(channel.own) },
      "Use the demo's own endpoint"));
    this.headers.element.hidden = !channel.headers;
    fill(this.types, channel.contentTypes.map((value) => element("option", { value })));
    this.places.contentType.control.placeholder = channel.contentTypes[0];
  }

  use(endpoint) {
    this.set("endpoint", endpoint);
    this.changed();
  }

  /** Writes each refusal at its field. */
  mark(issues, { rows }) {
    for (const each of Object.values(this.places)) each.mark([]);
    this.filters.mark([]);
    this.headers.mark([]);
    for (const row of [...rows.filterBy, ...rows.parameter]) row.mark([]);
    const at = Map.groupBy(issues, (each) => each.field);
    for (const [field, found] of at) {
      const [, list, index] = field?.match(/^(\w+)\[(\d+)\]$/) ?? [];
      const place = rows[list]?.[index] ?? { filterBy: this.filters, parameter: this.headers }[list ?? field] ?? this.places[field];
      place?.mark(found);
      if (["heartbeatPeriod", "timeout", "maxCount", "contentType", "end"].includes(field)) this.more.open = true;
    }
  }

  /** From now on also what nobody has touched yet is marked. */
  askAll() {
    for (const each of Object.values(this.places)) each.touched = true;
  }

  /** Leads to the first field that is marked. */
  leadToWrong() {
    const wrong = this.element.querySelector("[aria-invalid=true]");
    (wrong?.querySelector("input") ?? wrong)?.focus();
  }
}

function input(type, given = {}) {
  return element("input", { type: type === "url" ? "text" : type, inputmode: type === "url" ? "url" : null, autocomplete: "off", ...given });
}
