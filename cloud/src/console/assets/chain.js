import { Card, Link } from "./card.js";
import { element } from "./dom.js";
import { countOf, formatAge, formatBytes, formatCount, formatRate } from "./format.js";
import { deviceState, gatewayState, uplinkState, upstreamState } from "./hop-state.js";

/** @typedef {import("./events.js").ConsoleState} ConsoleState */
/** @typedef {import("./events.js").GatewayView} GatewayView */
/** @typedef {import("./events.js").DeviceSeen} DeviceSeen */

/** The picture: devices, their gateways, the cloud, and the links between. */
export class Chain {
  #root;
  #cloud = new CloudCard();
  #noGateway = emptyChain();
  /** @type {Map<string, GatewayRow>} */
  #rows = new Map();

  /** @param {HTMLElement} root @param {(text: string) => void} announce hears of each hop that changes */
  constructor(root, announce) {
    this.#root = root;
    this.announce = announce;
  }

  /** @param {ConsoleState} state */
  update(state) {
    const names = new Set(state.gateways.map(({ name }) => name));
    for (const [name, row] of this.#rows) {
      if (names.has(name)) continue;
      row.remove();
      this.#rows.delete(name);
    }
    for (const gateway of state.gateways) {
      let row = this.#rows.get(gateway.name);
      if (row === undefined) {
        row = new GatewayRow(this.announce);
        this.#rows.set(gateway.name, row);
        this.#root.append(...row.parts);
      }
      row.update(gateway, state.timeMs);
    }
    if (names.size === 0) this.#root.append(...this.#noGateway);
    else for (const part of this.#noGateway) part.remove();
    this.#cloud.update(state);
    this.#cloud.root.style.gridRow = `1 / span ${Math.max(1, names.size)}`;
    // Last in the order of reading, so that a phone shows it at the end of the chain.
    if (this.#root.lastElementChild !== this.#cloud.root) this.#root.append(this.#cloud.root);
  }

  /** Shows that what stands here is old. @param {boolean} isLost */
  setLost(isLost) {
    this.#root.classList.toggle("stale", isLost);
    if (isLost) this.#cloud.setLost();
  }
}

/** One gateway with its devices on the left and the way to the cloud on the right. */
class GatewayRow {
  #devices = element("div", { class: "devices" });
  #uplink = new Link();
  #gateway = new Card("gateway");
  #upstream = new Link();
  #noDevice = element("article", { class: "card ghost" }, [
    element("p", {}, ["No device is connected yet. Start one with:"]),
    element("code", {}, ["headwater device --gateway mqtt://127.0.0.1:1883 --data DIR"]),
  ]);
  #omitted = element("p", { class: "note" });
  /** @type {Map<string, DeviceCard>} */
  #cards = new Map();
  #forwarded = new Flow();
  #received = new Flow();
  #backlog = new Backlog();
  #spoken = "";
  parts = [this.#devices, this.#uplink.root, this.#gateway.root, this.#upstream.root];

  /** @param {(text: string) => void} announce */
  constructor(announce) {
    this.announce = announce;
  }

  /** @param {GatewayView} gateway @param {number} nowMs */
  update(gateway, nowMs) {
    const { name, status, devices } = gateway;
    const state = gatewayState(gateway, nowMs);
    const isConnected = gateway.connectedSinceMs !== null;
    const received = this.#received.rate(
      devices.reduce((sum, { records }) => sum + records, 0),
      nowMs,
    );
    const forwarded = this.#forwarded.rate(status?.forwardedRecords ?? 0, nowMs);
    const upstream = upstreamState(gateway, this.#backlog.isStuck(status, nowMs));
    this.#gateway.setState(name, state);
    this.#setStatus(gateway, forwarded, nowMs);
    this.#uplink.set("MQTT", uplinkState(gateway), isConnected && received > 0);
    this.#upstream.set("AWS API", upstream, isConnected && forwarded > 0);
    this.#setDevices(gateway, nowMs);

    const spoken = `Gateway ${name}: ${state.text}. Upstream: ${upstream.text}.`;
    if (this.#spoken !== "" && spoken !== this.#spoken) this.announce(spoken);
    this.#spoken = spoken;
  }

  remove() {
    for (const part of this.parts) part.remove();
  }

  /** @param {GatewayView} gateway @param {number} forwarded @param {number} nowMs */
  #setStatus({ status, connectedSinceMs }, forwarded, nowMs) {
    const card = this.#gateway;
    if (status === null) return;
    card.setSpool(status.spoolBytes, status.spoolBytesMax);
    card.setFact("Waiting", countOf(status.spoolRecords, "record"));
    card.setFact("Forwarded", formatCount(status.forwardedRecords));
    card.setFact("Rate", connectedSinceMs === null ? "–" : `${formatRate(forwarded)}/s`);
    const dead = status.deadLetters;
    card.setFact("Dead letters", dead === 0 ? undefined : formatCount(dead), "warn");
    card.setFact("Upstream error", status.upstreamError, "lost");
    card.setFact("Connected for", connectedSinceMs === null ? undefined : formatAge(nowMs - connectedSinceMs));
  }

  /** @param {GatewayView} gateway @param {number} nowMs */
  #setDevices(gateway, nowMs) {
    const { devices, devicesOmitted } = gateway;
    const names = new Set(devices.map(({ device }) => device));
    for (const [name, card] of this.#cards) {
      if (names.has(name)) continue;
      card.root.remove();
      this.#cards.delete(name);
    }
    for (const device of devices) {
      let card = this.#cards.get(device.device);
      if (card === undefined) {
        card = new DeviceCard();
        this.#cards.set(device.device, card);
        this.#devices.append(card.root);
      }
      card.update(device, gateway, nowMs);
    }
    this.#omitted.textContent = `and ${formatCount(devicesOmitted)} more`;
    toggle(this.#devices, this.#omitted, devicesOmitted > 0);
    toggle(this.#devices, this.#noDevice, devices.length === 0);
  }
}

class DeviceCard {
  #card = new Card("device");
  #flow = new Flow();
  root = this.#card.root;

  /** @param {DeviceSeen} device @param {GatewayView} gateway @param {number} nowMs */
  update(device, gateway, nowMs) {
    const { status, records, bytes } = device;
    this.#card.setState(device.device, deviceState(device, gateway, nowMs));
    const rate = this.#flow.rate(records, nowMs);
    this.#card.setFact("Delivered", `${formatCount(records)} · ${formatBytes(bytes)}`);
    const isKnown = gateway.connectedSinceMs !== null;
    this.#card.setFact("Rate", isKnown && device.connected ? `${formatRate(rate)}/s` : "–");
    if (status === undefined) return;
    this.#card.setSpool(status.spoolBytes, status.spoolBytesMax);
    // Seconds of waiting are how batches work; rows that come and go would make the page jump.
    const oldest = status.oldestMs < OLDEST_SHOWN_MS ? "" : ` · oldest ${formatAge(status.oldestMs)}`;
    this.#card.setFact("Waiting", `${countOf(status.spoolRecords, "record")}${oldest}`);
    const dropped = Object.entries(status.dropped).filter(([, count]) => count > 0);
    const causes = dropped.map(([cause, count]) => `${formatCount(count)} ${cause}`).join(", ");
    this.#card.setFact("Dropped", causes === "" ? undefined : causes, "lost");
  }
}

class CloudCard {
  #card = new Card("cloud");
  root = this.#card.root;

  constructor() {
    this.root.classList.add("cloud");
  }

  /** @param {ConsoleState} state */
  update({ streams, streamsOmitted, region, timeMs, startedMs }) {
    this.#card.setState("Cloud", { tone: "ok", text: "Running" });
    const rates = streams.flatMap(({ recordsPerSecond }) => recordsPerSecond ?? []);
    const rate = rates.reduce((sum, each) => sum + each, 0);
    this.#card.setFact("Rate", rates.length === 0 ? "–" : `${formatRate(rate)}/s`);
    this.#card.setFact("Streams", formatCount(streams.length + streamsOmitted));
    const [records, bytes] = [sumOf(streams, "records"), sumOf(streams, "bytes")];
    this.#card.setFact("Kept", `${countOf(records, "record")} · ${formatBytes(bytes)}`);
    this.#card.setFact("Region", region);
    this.#card.setFact("Running for", formatAge(timeMs - startedMs));
  }

  setLost() {
    this.#card.setState("Cloud", { tone: "lost", text: "No answer" });
  }
}

const FLOW_WINDOW_MS = 12_000;
const OLDEST_SHOWN_MS = 5_000;

/** Turns a rising counter into a rate over the last reports; a gateway reports every few seconds. */
class Flow {
  /** @type {{ count: number, timeMs: number }[]} when it rose, oldest first */
  #rises = [];

  /** @param {number} count @param {number} timeMs @returns {number} */
  rate(count, timeMs) {
    const last = this.#rises.at(-1);
    if (last !== undefined && count < last.count) this.#rises = [];
    if (last === undefined || count !== last.count) this.#rises.push({ count, timeMs });
    this.#rises = this.#rises.filter((rise) => timeMs - rise.timeMs <= FLOW_WINDOW_MS);
    const [first, end] = [this.#rises[0], this.#rises.at(-1)];
    if (first === undefined || end === undefined || end.timeMs === first.timeMs) return 0;
    return ((end.count - first.count) * 1000) / (end.timeMs - first.timeMs);
  }
}

const STUCK_MS = 15_000;

/** Notices that records wait and none goes out, whatever the gateway calls its upstream. */
class Backlog {
  #forwarded = 0;
  #movedMs = 0;

  /** @param {GatewayView["status"]} status @param {number} nowMs */
  isStuck(status, nowMs) {
    if (status === null) return false;
    const { forwardedRecords, spoolRecords } = status;
    if (forwardedRecords !== this.#forwarded || spoolRecords === 0) {
      this.#forwarded = forwardedRecords;
      this.#movedMs = nowMs;
    }
    return nowMs - this.#movedMs >= STUCK_MS;
  }
}

/** @returns {HTMLElement[]} */
function emptyChain() {
  const [uplink, upstream] = [new Link(), new Link()];
  uplink.set("MQTT", { tone: "quiet", text: "" }, false);
  upstream.set("AWS API", { tone: "quiet", text: "" }, false);
  return [
    element("div", { class: "devices" }, [
      element("article", { class: "card ghost" }, [
        element("p", {}, ["Devices appear here once a gateway knows them."]),
      ]),
    ]),
    uplink.root,
    element("article", { class: "card ghost" }, [
      element("p", {}, ["No gateway has called yet. Start one with:"]),
      element("code", {}, [`headwater gateway --upstream ${location.origin} --allow-anonymous --data DIR`]),
    ]),
    upstream.root,
  ];
}

/** @param {HTMLElement} parent @param {HTMLElement} child @param {boolean} isShown */
function toggle(parent, child, isShown) {
  if (!isShown) child.remove();
  else if (child.parentElement !== parent) parent.append(child);
}

/** @param {ConsoleState["streams"]} streams @param {"records" | "bytes"} name */
function sumOf(streams, name) {
  return streams.reduce((sum, stream) => sum + stream[name], 0);
}
