/**
 * What the cloud sends; the types are those of the server's own files.
 * @typedef {import("../console-state.js").ConsoleState} ConsoleState
 * @typedef {import("../console-state.js").GatewayView} GatewayView
 * @typedef {import("../console-state.js").StreamState} StreamState
 * @typedef {import("../live-tail.js").LiveRecord} LiveRecord
 * @typedef {GatewayView["devices"][number]} DeviceSeen
 */

/**
 * @typedef {object} Listener
 * @property {(state: ConsoleState) => void} onState
 * @property {(records: LiveRecord[], notShown: number) => void} onRecords
 * @property {() => void} onLost the cloud stopped answering; tries again until it answers
 */

/** The state comes every second: this much silence means that the link is dead without having said so. */
const SILENCE_MS = 5000;
const RETRY_MS = [500, 1000, 2000, 3000];

/** Listens to the cloud's events for one stream, and reconnects by itself. */
export class Events {
  /** @type {EventSource | undefined} */
  #source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {string | undefined} */
  #version;
  #failures = 0;
  #streamName;
  #listener;

  /** @param {string} streamName @param {Listener} listener */
  constructor(streamName, listener) {
    this.#streamName = streamName;
    this.#listener = listener;
    this.#connect();
  }

  /** @param {string} streamName */
  watch(streamName) {
    this.#streamName = streamName;
    this.#connect();
  }

  #connect() {
    this.#source?.close();
    const source = new EventSource(`/console/events?stream=${encodeURIComponent(this.#streamName)}`);
    this.#source = source;
    this.#waitAtMost(SILENCE_MS);
    source.addEventListener("version", ({ data }) => {
      this.#version ??= data;
      // The cloud was upgraded under this page.
      if (data !== this.#version) location.reload();
    });
    source.addEventListener("state", ({ data }) => {
      this.#failures = 0;
      this.#waitAtMost(SILENCE_MS);
      this.#listener.onState(JSON.parse(data));
    });
    source.addEventListener("records", ({ data }) => {
      const { records, notShown } = JSON.parse(data);
      this.#listener.onRecords(records, notShown);
    });
    source.addEventListener("error", () => this.#lost());
  }

  #lost() {
    this.#source?.close();
    this.#listener.onLost();
    const delayMs = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), delayMs);
  }

  /** @param {number} ms */
  #waitAtMost(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost(), ms);
  }
}
