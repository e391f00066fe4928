import { element, svg } from "./dom.js";
import { formatBytes } from "./format.js";
import { spoolState } from "./hop-state.js";

const icons = {
  device: "M8 3v3m4-3v3m4-3v3M8 18v3m4-3v3m4-3v3M3 8h3m-3 4h3m-3 4h3m12-8h3m-3 4h3m-3 4h3M6 6h12v12H6zm4 4h4v4h-4z",
  gateway: "M4 14h16v6H4zm4 3h.01M12 17h.01M12 14V9m-3.500-.500a5 5 0 0 1 7 0M5.500 5.500a9.200 9.200 0 0 1 13 0",
  cloud: "M7 19a4.500 4.500 0 0 1-.600-8.960 6 6 0 0 1 11.500 1.560A3.750 3.750 0 0 1 17.500 19z",
};

/** One station of the chain: a name, how it is, and facts. Updated in place, so focus and selection survive. */
export class Card {
  #title = element("h3");
  #pill = element("p", { class: "pill" });
  #detail = element("p", { class: "detail" });
  #facts = element("dl");
  #meter = element("div", { class: "meter", hidden: "" });
  /** @type {Map<string, { row: HTMLElement, value: HTMLElement }>} */
  #rows = new Map();
  root = element("article", { class: "card" });

  /** @param {keyof typeof icons} kind */
  constructor(kind) {
    const path = svg("path", { d: icons[kind] });
    const icon = svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, [path]);
    const head = element("div", { class: "card-head" }, [icon, this.#title, this.#pill]);
    this.root.append(head, this.#detail, this.#meter, this.#facts);
  }

  /** @param {string} title @param {import("./hop-state.js").HopState} state */
  setState(title, { tone, text, detail }) {
    setText(this.#title, title);
    this.#title.title = title;
    setText(this.#pill, text);
    this.#pill.dataset["tone"] = tone;
    setText(this.#detail, detail ?? "");
    this.#detail.hidden = detail === undefined;
  }

  /** How full the spool is. @param {number} bytes @param {number} bytesMax */
  setSpool(bytes, bytesMax) {
    const { tone, percent } = spoolState(bytes, bytesMax);
    const text = `${formatBytes(bytes)} of ${formatBytes(bytesMax)} spool in use`;
    if (this.#meter.childElementCount === 0) {
      this.#meter.append(
        element("span", { class: "meter-label" }),
        element("span", { class: "track" }, [element("i")]),
      );
    }
    const [label, track] = this.#meter.children;
    const bar = track?.firstElementChild;
    if (!(label instanceof HTMLElement) || !(bar instanceof HTMLElement)) return;
    this.#meter.hidden = false;
    setText(label, text);
    this.#meter.dataset["tone"] = tone;
    bar.style.width = `${percent}%`;
  }

  /** Shows a fact, or takes it away where the value is undefined. @param {string} name @param {string | undefined} value @param {string} [tone] */
  setFact(name, value, tone = "") {
    const known = this.#rows.get(name);
    if (value === undefined) {
      known?.row.remove();
      this.#rows.delete(name);
      return;
    }
    if (known === undefined) {
      const cell = element("dd", {}, [value]);
      const row = element("div", {}, [element("dt", {}, [name]), cell]);
      this.#rows.set(name, { row, value: cell });
      this.#facts.append(row);
      cell.dataset["tone"] = tone;
    } else {
      setText(known.value, value);
      known.value.dataset["tone"] = tone;
    }
  }
}

/** The line between two stations. */
export class Link {
  #label = element("span", { class: "link-label" });
  #state = element("span", { class: "link-state" });
  root = element("div", { class: "link" }, [this.#label, element("span", { class: "wire" }), this.#state]);

  /** @param {string} label @param {import("./hop-state.js").HopState} state @param {boolean} isFlowing */
  set(label, { tone, text, detail }, isFlowing) {
    setText(this.#label, label);
    setText(this.#state, text);
    this.root.title = detail ?? "";
    this.root.dataset["tone"] = tone;
    this.root.classList.toggle("flows", isFlowing);
  }
}

/** @param {HTMLElement} target @param {string} text */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
