import { setText } from "./card.js";
import { element, svg } from "./dom.js";
import { formatAge, formatBytes } from "./format.js";

/** @typedef {import("./sensor-reading.js").SensorReading} SensorReading */
/** @typedef {{ timeMs: number, value: number }} Point */

const WINDOW_MS = 10 * 60 * 1000;
const POINTS_MAX = 600;
const DEVICES_MAX = 50;
const STALE_MS = 10_000;
const WIDTH = 240;
const HEIGHT = 64;

/**
 * @typedef {object} Measure
 * @property {string} name
 * @property {(reading: SensorReading) => number | undefined} value
 * @property {(reading: SensorReading) => string} text the newest value
 * @property {(value: number) => string} format
 * @property {(reading: SensorReading) => number | undefined} max top of the scale; where there is none, it follows the values
 */

/** @type {readonly Measure[]} */
const measures = [
  {
    name: "CPU",
    value: ({ cpuPercent }) => cpuPercent,
    text: ({ cpuPercent = 0 }) => `${cpuPercent.toFixed(0)} %`,
    format: (value) => `${value.toFixed(0)} %`,
    max: () => 100,
  },
  {
    name: "Memory",
    value: ({ memoryUsedBytes }) => memoryUsedBytes,
    text: ({ memoryUsedBytes = 0, memoryTotalBytes }) => shareOf(memoryUsedBytes, memoryTotalBytes),
    format: formatBytes,
    max: ({ memoryTotalBytes }) => memoryTotalBytes,
  },
  {
    name: "Disk",
    value: ({ diskUsedBytes }) => diskUsedBytes,
    text: ({ diskUsedBytes = 0, diskTotalBytes }) => shareOf(diskUsedBytes, diskTotalBytes),
    format: formatBytes,
    max: ({ diskTotalBytes }) => diskTotalBytes,
  },
  {
    name: "Temperature",
    value: ({ temperatureCelsius }) => temperatureCelsius,
    text: ({ temperatureCelsius = 0 }) => `${temperatureCelsius.toFixed(1)} °C`,
    format: (value) => `${value.toFixed(1)} °C`,
    max: () => undefined,
  },
];

/** Small charts of the host sensor's readings, for one device at a time. */
export class Charts {
  #age;
  #section;
  #root;
  #choice;
  #select;
  /** @type {Map<string, SensorReading[]>} */
  #readings = new Map();
  #device = "";
  /** @type {Map<string, Tile>} */
  #tiles = new Map();

  /** @param {{ section: HTMLElement, root: HTMLElement, age: HTMLElement, choice: HTMLElement, select: HTMLSelectElement }} parts */
  constructor({ section, root, age, choice, select }) {
    this.#age = age;
    this.#section = section;
    this.#root = root;
    this.#choice = choice;
    this.#select = select;
    select.addEventListener("change", () => {
      this.#device = select.value;
      this.#draw();
    });
  }

  /** @param {readonly SensorReading[]} readings */
  add(readings) {
    if (readings.length === 0) return;
    for (const reading of readings) this.#addOne(reading);
    this.#choice.hidden = this.#readings.size < 2;
    this.#draw();
  }

  /** Says so where readings stopped coming. @param {number} nowMs by the cloud's clock */
  setNow(nowMs) {
    const newest = this.#readings.get(this.#device)?.at(-1);
    const ageMs = newest === undefined ? 0 : nowMs - newest.arrivalMs;
    setText(this.#age, ageMs < STALE_MS ? "" : `last reading ${formatAge(ageMs)} ago`);
    this.#root.classList.toggle("stale", ageMs >= STALE_MS);
  }

  clear() {
    this.#readings.clear();
    this.#select.replaceChildren();
    this.#device = "";
    this.#section.hidden = true;
  }

  /** @param {SensorReading} reading */
  #addOne(reading) {
    let series = this.#readings.get(reading.device);
    if (series === undefined) {
      if (this.#readings.size >= DEVICES_MAX) return;
      series = [];
      this.#readings.set(reading.device, series);
      this.#select.append(element("option", { value: reading.device }, [reading.device]));
      if (this.#device === "") this.#device = reading.device;
    }
    series.push(reading);
    // A device that was away delivers late, but in order; another shard may deliver in between.
    if ((series.at(-2)?.timeMs ?? 0) > reading.timeMs) series.sort((a, b) => a.timeMs - b.timeMs);
    const since = (series.at(-1)?.timeMs ?? 0) - WINDOW_MS;
    const first = Math.max(
      series.findIndex(({ timeMs }) => timeMs >= since),
      series.length - POINTS_MAX,
    );
    series.splice(0, first);
  }

  #draw() {
    const series = this.#readings.get(this.#device) ?? [];
    const newest = series.at(-1);
    if (newest === undefined) return;
    this.#section.hidden = false;
    for (const measure of measures) {
      const points = series.flatMap((reading) => {
        const value = measure.value(reading);
        return value === undefined ? [] : [{ timeMs: reading.timeMs, value }];
      });
      let tile = this.#tiles.get(measure.name);
      if (tile === undefined) {
        tile = new Tile(measure);
        this.#tiles.set(measure.name, tile);
        this.#root.append(tile.root);
      }
      tile.root.hidden = points.length === 0;
      if (points.length > 0) tile.draw(points, newest);
    }
  }
}

class Tile {
  #measure;
  #value = element("p", { class: "value" });
  #range = element("p", { class: "quiet range" });
  #area = svg("path", { class: "area" });
  #line = svg("path", { class: "line" });
  #end = element("i", { class: "end" });
  #chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" }, [
    this.#area,
    this.#line,
  ]);
  root = element("article", { class: "tile" });

  /** @param {Measure} measure */
  constructor(measure) {
    this.#measure = measure;
    const plot = element("div", { class: "plot" }, [this.#chart, this.#end]);
    this.root.append(element("h3", {}, [measure.name]), this.#value, plot, this.#range);
  }

  /** @param {readonly Point[]} points oldest first, at least one @param {SensorReading} newest */
  draw(points, newest) {
    const { name, text, format, max } = this.#measure;
    const values = points.map(({ value }) => value);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const top = max(newest);
    // Where the scale has no top of its own, it leaves room around the values and never blows up mere noise.
    const middle = (low + high) / 2;
    const half = Math.max((high - low) * 0.7, 2.5);
    const [bottom, scaleTop] = top === undefined ? [middle - half, middle + half] : [0, Math.max(top, high)];
    const [from, to] = [points[0]?.timeMs ?? 0, points.at(-1)?.timeMs ?? 0];
    /** @param {Point} point */
    const at = ({ timeMs, value }) => {
      const x = to === from ? WIDTH : ((timeMs - from) / (to - from)) * WIDTH;
      const y = HEIGHT - 3 - ((value - bottom) / (scaleTop - bottom)) * (HEIGHT - 6);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    };
    const path = points.map(at).join("L");
    const startX = to === from ? WIDTH : 0;
    this.#line.setAttribute("d", `M${path}`);
    this.#area.setAttribute("d", `M${startX},${HEIGHT}L${path}L${WIDTH},${HEIGHT}Z`);
    const last = values.at(-1) ?? 0;
    this.#end.style.top = `${(100 * (HEIGHT - 3 - ((last - bottom) / (scaleTop - bottom)) * (HEIGHT - 6))) / HEIGHT}%`;
    const [least, most] = [format(low), format(high)];
    const span = `${least === most ? `steady at ${least}` : `${least} to ${most}`} in the last ${formatAge(to - from)}`;
    setText(this.#value, text(newest));
    setText(this.#range, points.length < 2 ? "first reading" : span);
    this.#chart.setAttribute("aria-label", `${name}: ${text(newest)}, ${span}`);
  }
}

/** @param {number} used @param {number | undefined} total */
function shareOf(used, total) {
  if (total === undefined) return formatBytes(used);
  const [amount = "", unit] = formatBytes(used).split(" ");
  const whole = formatBytes(total);
  return `${whole.endsWith(` ${unit}`) ? amount : `${amount} ${unit}`} of ${whole}`;
}
