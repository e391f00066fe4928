import { Counter, Gauge, type Registry } from "../prometheus.js";

/** Why a reader of GetMedia was sent away. */
export type ReaderDropCause = "stalled" | "fragment-gone" | "failed";

/** What flows through video streams. */
export class VideoTraffic {
  readonly #registry: Registry;
  readonly #bytes: Counter<"direction">;
  readonly #fragments: Counter<"result">;
  readonly #undecodable: Counter;
  readonly #readersDropped: Counter<"cause">;
  readonly #faults: Counter<"code">;

  constructor(registry: Registry) {
    this.#registry = registry;
    const registers = [registry];
    this.#bytes = new Counter({
      name: "headwater_cloud_video_bytes_total",
      help: "Bytes of media received (in) and sent (out)",
      labelNames: ["direction"],
      registers,
    });
    this.#fragments = new Counter({
      name: "headwater_cloud_video_fragments_total",
      help: "Fragments by what became of them: persisted, repeated (had already) or incomplete",
      labelNames: ["result"],
      registers,
    });
    this.#undecodable = new Counter({
      name: "headwater_cloud_video_undecodable_frames_total",
      help: "Frames dropped because no key frame came before them",
      registers,
    });
    this.#readersDropped = new Counter({
      name: "headwater_cloud_video_readers_dropped_total",
      help: "GetMedia readers cut, by cause",
      labelNames: ["cause"],
      registers,
    });
    this.#faults = new Counter({
      name: "headwater_cloud_video_put_faults_total",
      help: "PutMedia calls ended by an error, by its code",
      labelNames: ["code"],
      registers,
    });
  }

  received(bytes: number): void {
    this.#bytes.inc({ direction: "in" }, bytes);
  }

  sent(bytes: number): void {
    this.#bytes.inc({ direction: "out" }, bytes);
  }

  persisted(isRepeat: boolean): void {
    this.#fragments.inc({ result: isRepeat ? "repeated" : "persisted" });
  }

  incomplete(count = 1): void {
    this.#fragments.inc({ result: "incomplete" }, count);
  }

  undecodable(): void {
    this.#undecodable.inc();
  }

  readerDropped(cause: ReaderDropCause): void {
    this.#readersDropped.inc({ cause });
  }

  fault(code: string): void {
    this.#faults.inc({ code });
  }

  /** Shows how many connections there are. */
  watch(connections: { readonly producers: number; readonly readers: number }): void {
    for (const [name, help] of [
      ["producers", "PutMedia connections open now"],
      ["readers", "GetMedia connections open now"],
    ] as const) {
      const gauge: Gauge = new Gauge({
        name: `headwater_cloud_video_${name}`,
        help,
        registers: [this.#registry],
        collect: () => gauge.set(connections[name]),
      });
    }
  }
}
