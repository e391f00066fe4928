import { setText } from "./card.js";
import { element } from "./dom.js";
import { formatAge, formatBytes, formatCount, formatTime, shortenSequenceNumber } from "./format.js";

/** @typedef {import("./events.js").LiveRecord} LiveRecord */

const ROWS_MAX = 50;

/** The newest records, newest on top. */
export class Records {
  #rows;
  #pause;
  #notShown;
  #empty;
  /** @type {LiveRecord[]} those that came during a pause, oldest first */
  #held = [];
  #heldCount = 0;
  #notShownCount = 0;
  #isPaused = false;
  /** @type {WeakMap<Element, number>} arrival of each row's record */
  #arrivals = new WeakMap();
  #nowMs = 0;

  /** @param {{ rows: HTMLElement, pause: HTMLElement, notShown: HTMLElement, empty: HTMLElement }} parts */
  constructor({ rows, pause, notShown, empty }) {
    this.#rows = rows;
    this.#pause = pause;
    this.#notShown = notShown;
    this.#empty = empty;
    pause.addEventListener("click", () => this.#setPaused(!this.#isPaused));
  }

  /** @param {readonly LiveRecord[]} records oldest first @param {number} notShown */
  add(records, notShown) {
    this.#notShownCount += notShown;
    if (this.#isPaused) {
      this.#held = [...this.#held, ...records].slice(-ROWS_MAX);
      this.#heldCount += records.length;
      this.#label();
    } else {
      this.#show(records);
    }
    this.#notShown.hidden = this.#notShownCount === 0;
    const count = formatCount(this.#notShownCount);
    setText(
      this.#notShown,
      `${count} records came faster than this page shows them. They are in the stream all the same.`,
    );
  }

  clear() {
    this.#rows.replaceChildren();
    this.#notShownCount = 0;
    this.#notShown.hidden = true;
    this.#setPaused(false);
  }

  /** Says how old each record is. @param {number} nowMs by the cloud's clock */
  setNow(nowMs) {
    this.#nowMs = nowMs;
    for (const row of this.#rows.children) this.#showAge(row);
  }

  get isEmpty() {
    return this.#rows.childElementCount === 0;
  }

  /** What stands where no record does. @param {readonly (Node | string)[]} content */
  setEmpty(content) {
    this.#empty.hidden = !this.isEmpty;
    const text = content.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
    if (this.#empty.textContent !== text) this.#empty.replaceChildren(...content);
  }

  /** @param {readonly LiveRecord[]} records */
  #show(records) {
    const rows = records
      .slice(-ROWS_MAX)
      .map((record) => this.#row(record))
      .toReversed();
    this.#rows.prepend(...rows);
    while (this.#rows.childElementCount > ROWS_MAX) this.#rows.lastElementChild?.remove();
    if (rows.length > 0) this.#empty.hidden = true;
  }

  /** @param {LiveRecord} record */
  #row(record) {
    // A record that somebody reads must not move away.
    const row = rowOf(record, () => this.#setPaused(true));
    this.#arrivals.set(row, record.timeMs);
    this.#showAge(row);
    return row;
  }

  /** @param {Element} row */
  #showAge(row) {
    const cell = row.querySelector(".age");
    const arrivalMs = this.#arrivals.get(row);
    if (!(cell instanceof HTMLElement) || arrivalMs === undefined) return;
    const ageMs = this.#nowMs - arrivalMs;
    setText(cell, ageMs < 1000 ? "now" : formatAge(ageMs));
  }

  /** @param {boolean} isPaused */
  #setPaused(isPaused) {
    this.#isPaused = isPaused;
    this.#pause.setAttribute("aria-pressed", String(isPaused));
    if (!isPaused) this.#show(this.#held);
    this.#held = [];
    this.#heldCount = 0;
    this.#label();
  }

  #label() {
    const more = this.#heldCount === 0 ? "" : ` (${formatCount(this.#heldCount)} new)`;
    setText(this.#pause, this.#isPaused ? `Go on${more}` : "Pause");
  }
}

/** @param {LiveRecord} record @param {() => void} onOpen hears that somebody looks closer @returns {HTMLElement} */
function rowOf(record, onOpen) {
  const { timeMs, partitionKey, shardId, sequenceNumber } = record;
  const shard = shardId.replace(/^shardId-0*(?=\d)/, "");
  return element("tr", {}, [
    element("td", { class: "time" }, [
      element("time", { datetime: new Date(timeMs).toISOString() }, [formatTime(timeMs)]),
    ]),
    element("td", { class: "age" }),
    element("td", { class: "key", title: partitionKey }, [partitionKey]),
    element("td", { class: "shard", title: shardId }, [shard]),
    element("td", { class: "sequence", title: sequenceNumber }, [shortenSequenceNumber(sequenceNumber)]),
    element("td", { class: "data" }, [payloadOf(record, onOpen)]),
  ]);
}

/** @param {LiveRecord} record @param {() => void} onOpen @returns {HTMLElement} */
function payloadOf({ payload, bytes }, onOpen) {
  if (bytes === 0) return element("span", { class: "quiet" }, ["empty"]);
  const summary = element("summary", {}, [lineOf(payload)]);
  const details = element("details", { class: payload.kind }, [summary]);
  // Most are never opened, so the long form is made when one is.
  details.addEventListener(
    "toggle",
    () => {
      const note = `${formatBytes(bytes)}${payload.kind === "binary" ? ", hexadecimal" : ""}${payload.isCut ? ", the first part" : ""}`;
      details.append(element("pre", {}, [pretty(payload)]), element("p", { class: "quiet" }, [note]));
    },
    { once: true },
  );
  details.addEventListener("toggle", () => {
    if (details.open) onOpen();
  });
  return details;
}

/** @param {LiveRecord["payload"]} payload */
function pretty({ kind, text }) {
  return kind === "json" ? JSON.stringify(JSON.parse(text), null, 2) : text;
}

/** One line of it: a JSON object as its fields. @param {LiveRecord["payload"]} payload @returns {Node} */
function lineOf({ kind, text }) {
  const line = document.createDocumentFragment();
  /** @type {unknown} */
  const json = kind === "json" ? JSON.parse(text) : undefined;
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    line.append(text.slice(0, 300));
    return line;
  }
  // Times come last, since the arrival stands beside them already.
  const fields = Object.entries(json).sort(([, a], [, b]) => Number(isTime(a)) - Number(isTime(b)));
  for (const [name, value] of fields.slice(0, 12)) {
    const shown = typeof value === "string" ? value : JSON.stringify(value);
    line.append(
      element("span", { class: "field" }, [element("b", {}, [name.slice(0, 60)]), ` ${shown.slice(0, 120)}`]),
      " ",
    );
  }
  return line;
}

/** @param {unknown} value */
function isTime(value) {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value);
}
