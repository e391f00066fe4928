import type { GatewayStatus } from "@headwater/protocol";
import type { UpstreamErrorKind } from "./upstream.js";

type Now = { readonly state: "connected" } | { readonly state: "unreachable" | "rejecting"; readonly error: string };

/** What the last call for each stream came to, and the worst of it. */
export class UpstreamStatus {
  readonly #streams = new Map<string, Now>();
  #forwardedRecords = 0;
  readonly #onChange: (stream: string, now: Now) => void;

  constructor(onChange: (stream: string, now: Now) => void) {
    this.#onChange = onChange;
  }

  /** Records accepted since the start. */
  get forwardedRecords(): number {
    return this.#forwardedRecords;
  }

  accepted(records: number): void {
    this.#forwardedRecords += records;
  }

  succeeded(stream: string): void {
    this.#set(stream, { state: "connected" });
  }

  failed(stream: string, kind: UpstreamErrorKind, error: string): void {
    // A busy upstream is a connected one.
    if (kind === "throttled" || kind === "forgotten") this.succeeded(stream);
    else this.#set(stream, { state: kind === "unreachable" ? "unreachable" : "rejecting", error });
  }

  get overall(): Pick<GatewayStatus, "upstream" | "upstreamError"> {
    let overall: Pick<GatewayStatus, "upstream" | "upstreamError"> = { upstream: "idle" };
    for (const [stream, now] of this.#streams) {
      if (now.state === "rejecting") return { upstream: now.state, upstreamError: `${stream}: ${now.error}` };
      if (now.state === "unreachable") overall = { upstream: now.state, upstreamError: now.error };
      else if (overall.upstream === "idle") overall = { upstream: "connected" };
    }
    return overall;
  }

  #set(stream: string, now: Now): void {
    const before = this.#streams.get(stream);
    this.#streams.set(stream, now);
    if (before?.state !== now.state) this.#onChange(stream, now);
  }
}
