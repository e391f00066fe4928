import { setText } from "./card.js";
import { Chain } from "./chain.js";
import { Charts } from "./charts.js";
import { byId, element } from "./dom.js";
import { Events } from "./events.js";
import { formatTime } from "./format.js";
import { Records } from "./records.js";
import { readSensor } from "./sensor-reading.js";
import { VideoView } from "./video-view.js";

/** Puts the page together: events in, picture out. */

const asked = new URLSearchParams(location.search).get("stream");
let streamName = asked ?? "sensors";
let isChosen = asked !== null;
/** @type {import("./events.js").ConsoleState | undefined} */
let newest;

const main = byId("main", HTMLElement);
const connection = byId("connection", HTMLElement);
const banner = byId("banner", HTMLElement);
const announcements = byId("announcements", HTMLElement);
const select = byId("stream", HTMLSelectElement);
const sensorChoice = byId("sensor-choice", HTMLElement);
const sensorSelect = sensorChoice.querySelector("select") ?? document.createElement("select");

const chain = new Chain(byId("chain", HTMLElement), announce);
const charts = new Charts({
  section: byId("sensor", HTMLElement),
  root: byId("charts", HTMLElement),
  age: byId("sensor-age", HTMLElement),
  choice: sensorChoice,
  select: sensorSelect,
});
const records = new Records({
  rows: byId("rows", HTMLElement),
  pause: byId("pause", HTMLElement),
  notShown: byId("not-shown", HTMLElement),
  empty: byId("no-records", HTMLElement),
});

const videoView = new VideoView({
  section: byId("video", HTMLElement),
  video: byId("picture", HTMLVideoElement),
  note: byId("video-age", HTMLElement),
  select: byId("video-stream", HTMLSelectElement),
});
void videoView.watch();

/** How long the page waits to open with its first records. */
const FIRST_RECORDS_MS = 400;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let revealing;

/** A reconnected cloud begins with its recent records again; this one has them already. */
let newestSequence = new Map();

const events = new Events(streamName, {
  onState(state) {
    newest = state;
    setConnection("Live", "ok");
    banner.hidden = true;
    chain.setLost(false);
    chain.update(state);
    setText(byId("facts", HTMLElement), `${location.origin} · account ${state.accountId} · region ${state.region}`);
    charts.setNow(state.timeMs);
    records.setNow(state.timeMs);
    offerStreams(state);
    explainEmpty(state);
    // Records follow at once where there are any; with them, everything appears in its place and nothing jumps.
    revealing ??= setTimeout(reveal, FIRST_RECORDS_MS);
  },
  onRecords(all, notShown) {
    const fresh = all.filter(({ shardId, sequenceNumber }) => {
      if (sequenceNumber <= (newestSequence.get(shardId) ?? "")) return false;
      newestSequence.set(shardId, sequenceNumber);
      return true;
    });
    records.add(fresh, notShown);
    charts.add(fresh.flatMap((record) => readSensor(record) ?? []));
    reveal();
  },
  onLost() {
    setConnection("Reconnecting…", "warn");
    const since = newest === undefined ? "" : ` What you see is from ${formatTime(newest.timeMs).slice(0, 8)}.`;
    setText(banner, `The cloud does not answer. This page tries again by itself.${since}`);
    banner.hidden = false;
    chain.setLost(true);
    reveal();
  },
});

select.addEventListener("change", () => {
  isChosen = true;
  watch(select.value);
  history.replaceState(null, "", `?stream=${encodeURIComponent(streamName)}`);
});

/** @param {string} name */
function watch(name) {
  streamName = name;
  newestSequence = new Map();
  records.clear();
  charts.clear();
  events.watch(name);
  if (newest !== undefined) explainEmpty(newest);
}

/** @param {import("./events.js").ConsoleState} state */
function offerStreams({ streams }) {
  const names = streams.map(({ name }) => name);
  const [first] = streams.toSorted((a, b) => b.recordsEver - a.recordsEver);
  // Nobody asked for a stream: rather one with records than one that is not there.
  if (!isChosen && first !== undefined && !names.includes(streamName)) watch(first.name);
  if (!names.includes(streamName)) names.unshift(streamName);
  if (select.options.length !== names.length || names.some((name, i) => select.options[i]?.value !== name)) {
    select.replaceChildren(...names.map((name) => element("option", { value: name }, [name])));
  }
  if (select.value !== streamName) select.value = streamName;
}

/** @param {import("./events.js").ConsoleState} state */
function explainEmpty({ streams }) {
  if (streams.some(({ name }) => name === streamName)) {
    records.setEmpty([element("p", {}, [`Waiting for the first record of ${streamName}.`])]);
  } else {
    const command = `aws kinesis create-stream --stream-name ${streamName} --shard-count 1 --endpoint-url ${location.origin}`;
    records.setEmpty([
      element("p", {}, [`There is no stream ${streamName} yet. A device makes its own, or make it with:`]),
      element("code", {}, [command]),
    ]);
  }
}

function reveal() {
  main.classList.remove("waiting");
}

/** @param {string} text @param {string} tone */
function setConnection(text, tone) {
  if (connection.textContent === text) return;
  setText(connection, text);
  connection.dataset["tone"] = tone;
  announce(`Console: ${text}`);
}

/** Says it to who listens rather than looks. @param {string} text */
function announce(text) {
  announcements.textContent = text;
}
