/** The fields of a Subscription: topic, filters, channel and how it is used. */

import { element, fill } from "./element.js";
import { Filters } from "./create_filters.js";
import { Headers } from "./create_headers.js";
import { TEXTS } from "./create_link.js";
import { Place } from "./create_place.js";

const part = (id) => document.getElementById(id);

export class Fields {
  /** `offered` is the JSON of this page; `changed` is called at each change. */
  constructor(offered, changed) {
    this.offered = offered;
    this.changed = changed;
    this.places = Object.fromEntries(TEXTS.map((name) => [name, new Place(name)]));
    this.filters = new Filters(changed);
    this.headers = new Headers(changed);
    fill(part("field-topic"), element("option", { value: "" }, "Choose a topic"),
      offered.topics.map(({ canonical, title, name }) => element("option", { value: canonical }, title ? `${title} (${name})` : name)));
    for (const { code } of offered.channels.filter((each) => !each.offered)) {
      this.places.channelType.radios.find((each) => each.value === code).nextElementSibling.textContent = "not offered here: no mail server";
    }
    part("field-topic").addEventListener("change", () => this.showTopic());
    part("form").addEventListener("input", (event) => {
      if (event.target.name === "release") return;
      this.showChannel();
      changed();
    });
  }

  get channel() {
    return this.offered.channels.find(({ code }) => code === this.places.channelType.text);
  }

  texts() {
    return Object.fromEntries(TEXTS.map((name) => [name, this.places[name].text]));
  }

  /** What is asked of the hub, and the rows that its lists stand for. */
  form() {
    const rows = { filterBy: this.filters.filled(), parameter: this.channel?.headers ? this.headers.filled() : [] };
    const body = { ...this.texts(), filterBy: rows.filterBy.map((row) => row.value()), parameter: rows.parameter.map((row) => row.value()) };
    if (!this.channel?.endpoint) body.endpoint = "";
    return { body, rows };
  }

  /** What a link keeps. */
  state() {
    const headers = this.headers.filled().map((row) => row.value().name).filter(Boolean);
    return { ...this.texts(), filters: this.filters.filled().map((row) => row.text()), headers };
  }

  async restore(state) {
    const wanted = this.offered.topics.find(({ canonical, name }) =>
      [canonical, canonical.split("|")[0], name].includes(state.topic));
    for (const name of TEXTS) this.places[name].text = state[name];
    this.places.topic.text = wanted?.canonical ?? "";
    this.places.channelType.text ||= "rest-hook";
    this.places.content.text ||= "id-only";
    this.headers.restore(state.headers);
    part("more").open = TEXTS.some((name) => state[name] && part("more").contains(part(`field-${name}`)));
    this.showChannel();
    await this.showTopic(state.filters, state.topic && !wanted && `✗ ${state.topic} is no active topic of this hub.`);
  }

  /** Shows what the topic tells and its filters; `texts` are those to fill in. */
  async showTopic(texts = this.filters.filled().map((row) => row.text()), complaint = "") {
    const topic = this.offered.topics.find(({ canonical }) => canonical === this.places.topic.text);
    fill(part("about"), complaint, element("span", {}, topic?.description), topic && [" ", element("a", { href: new URL(topic.page).pathname }, "more")]);
    await this.filters.show(topic, texts);
    this.changed();
  }

  showChannel() {
    const channel = this.channel;
    if (!channel || channel === this.shown) return;
    this.shown = channel;
    part("field-endpoint").parentElement.hidden = !channel.endpoint;
    part("field-endpoint").placeholder = channel.endpoint ?? "";
    fill(part("own"), channel.own && element("button.plain", { type: "button", click: () => {
      this.places.endpoint.text = channel.own;
      this.changed();
    } }, "Use the demo's own endpoint"));
    this.headers.element.hidden = !channel.headers;
    fill(part("types"), channel.contentTypes.map((value) => element("option", { value })));
    part("field-contentType").placeholder = channel.contentTypes[0];
  }

  /** Writes each refusal at its field. */
  mark(issues, rows) {
    const lists = { filterBy: this.filters, parameter: this.headers };
    for (const each of [...Object.values(this.places), ...Object.values(lists), ...Object.values(rows).flat()]) each.mark([]);
    const found = new Map();
    for (const each of issues) {
      const [, list, index] = each.field?.match(/^(\w+)\[(\d+)\]$/) ?? [];
      const place = rows[list]?.[index] ?? lists[list ?? each.field] ?? this.places[each.field];
      found.set(place, [...(found.get(place) ?? []), each]);
    }
    for (const [place, each] of found) {
      place?.mark(each);
      if (place && part("more").contains(place.control)) part("more").open = true;
    }
  }

  /** From now on also what nobody has touched yet is marked. */
  askAll() {
    for (const each of Object.values(this.places)) each.touched = true;
  }

  /** Leads to the first field that is marked. */
  leadToWrong() {
    const wrong = document.querySelector("[aria-invalid=true]");
    (wrong?.querySelector("input, button") ?? wrong)?.focus();
  }
}
