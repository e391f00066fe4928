import { setText } from "./card.js";
import { element } from "./dom.js";
import { VideoPlayer } from "./video-player.js";

/** How often the page asks for streams while nothing plays, and while something does. */
const ASK_MS = 3000;
const ASK_PLAYING_MS = 15_000;

/** The live picture of one video stream; not to be seen while there is none. */
export class VideoView {
  /** @type {VideoPlayer | undefined} */
  #player;
  #name = "";
  /** @type {{ name: string, path: string }[]} */
  #sessions = [];

  /** @param {{ section: HTMLElement, video: HTMLVideoElement, note: HTMLElement, select: HTMLSelectElement }} parts */
  constructor(parts) {
    this.parts = parts;
    parts.select.addEventListener("change", () => this.#play(parts.select.value));
    parts.video.addEventListener("timeupdate", () => {
      const behindS = Date.now() / 1000 - parts.video.currentTime;
      setText(parts.note, `${Math.max(0, behindS).toFixed(1)} s ago`);
    });
  }

  /** Shows what is live, for as long as the page is there. */
  async watch() {
    for (;;) {
      await this.#ask();
      await new Promise((resolve) => setTimeout(resolve, this.#player === undefined ? ASK_MS : ASK_PLAYING_MS));
    }
  }

  async #ask() {
    const { section, select } = this.parts;
    try {
      const answer = await fetch("/console/video");
      if (answer.ok) this.#sessions = await answer.json();
    } catch {
      return; // the page says already that the cloud does not answer
    }
    const names = this.#sessions.map(({ name }) => name);
    if (select.options.length !== names.length || names.some((name, i) => select.options[i]?.value !== name)) {
      select.replaceChildren(...names.map((name) => element("option", { value: name }, [name])));
    }
    if (!names.includes(this.#name)) this.#stop();
    const [first] = names;
    if (this.#player === undefined && first !== undefined) this.#play(names.includes(this.#name) ? this.#name : first);
    section.hidden = this.#player === undefined;
  }

  /** @param {string} name */
  #play(name) {
    const session = this.#sessions.find((one) => one.name === name);
    if (session === undefined) return;
    this.#stop();
    this.#name = name;
    this.parts.select.value = name;
    const player = new VideoPlayer(this.parts.video, session.path, () => {
      if (this.#player === player) this.#stop();
    });
    this.#player = player;
  }

  #stop() {
    this.#player?.stop();
    this.#player = undefined;
  }
}
