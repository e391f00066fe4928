import type { ProducerRequest } from "@headwater/protocol";
import type { Output } from "../codec/wire-codec.js";
import { type Encoding, Reading, type Shape } from "../codec/shape.js";
import type { TokenSealer } from "../streams/sealed-token.js";
import type { StreamService } from "../streams/stream-service.js";

/** What operations work with. */
export interface OperationContext {
  readonly service: StreamService;
  readonly sealer: TokenSealer;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly traffic: Traffic;
}

/** Counts what flows through. */
export interface Traffic {
  readonly put: (records: number, bytes: number) => void;
  readonly got: (records: number, bytes: number) => void;
  /** Of one entry of a PutRecords call, by error code. */
  readonly refused: (code: string) => void;
}

/** What stands in a request beside its body. */
export interface RequestFacts {
  /** From the signed producer header. */
  readonly producer: ProducerRequest | undefined;
}

/** One operation of the API: its input's shape with all constraints, and what it does. */
export interface Operation {
  /** Larger bodies are refused before they are read. */
  readonly bodyBytesMax: number;
  /** @returns the answer; undefined for an empty body. @throws {CloudError} */
  run(body: unknown, encoding: Encoding, context: OperationContext, facts: RequestFacts): Promise<Output | undefined>;
}

/** Enough for any operation that carries no records. */
const CONTROL_BODY_BYTES_MAX = 1 << 20;

/** Declares an operation. Its handler gets an input that keeps to its shape. */
export function operation<T>(
  input: Shape<T>,
  handle: (
    input: T,
    context: OperationContext,
    facts: RequestFacts,
  ) => Promise<Output | undefined> | Output | undefined,
  bodyBytesMax = CONTROL_BODY_BYTES_MAX,
): Operation {
  return {
    bodyBytesMax,
    async run(body, encoding, context, facts) {
      const reading = new Reading(encoding);
      const value = input.read(body, reading);
      reading.finish();
      return handle(value, context, facts);
    },
  };
}
