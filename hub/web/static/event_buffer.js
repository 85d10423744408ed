/** The newest events, and those of them that are shown. Nothing here touches the page. */

/**
 * Rows are events and notes; a note (`note: true`) passes every filter. `shown` are the rows that
 * pass; while `isPaused` it stays as it is, and `fresh` counts the rows that would have come.
 */
export class EventBuffer {
  #most;
  #rows = [];
  #test = () => true;
  shown = [];
  fresh = 0;
  isPaused = false;

  /** @param {number} most rows that are kept; older ones go */
  constructor(most) {
    this.#most = most;
  }

  get size() {
    return this.#rows.length;
  }

  /** Takes rows, in their order. */
  add(rows) {
    for (const row of rows) this.#rows.push(row);
    const over = this.#rows.length - this.#most;
    // Seldom and many at a time: each time moves all that stay.
    if (over > this.#most / 10) this.#rows.splice(0, over);
    const passing = rows.filter((row) => this.#passes(row));
    if (this.isPaused) {
      this.fresh += passing.length;
      return;
    }
    for (const row of passing) this.shown.push(row);
    if (this.shown.length > this.#most * 1.1) this.shown.splice(0, this.shown.length - this.#most);
  }

  /** Shows what passes `test` from now on. */
  filter(test) {
    this.#test = test;
    this.refresh();
  }

  /** Filters anew, as what is known of rows has changed. */
  refresh() {
    this.shown = this.#rows.filter((row) => this.#passes(row));
    this.fresh = 0;
  }

  pause() {
    this.isPaused = true;
  }

  resume() {
    this.isPaused = false;
    this.refresh();
  }

  clear() {
    this.#rows = [];
    this.refresh();
  }

  /** The newest rows that are events, at most so many, newest first. */
  newest(count) {
    return this.#rows.slice(-count).filter((row) => !row.note).reverse();
  }

  #passes(row) {
    return row.note || this.#test(row);
  }
}
