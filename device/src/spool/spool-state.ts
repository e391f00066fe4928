import { randomUUID } from "node:crypto";
import type { ClockEra } from "../clock/clock-era.js";
import { DeviceError } from "../sdk/device-error.js";

/** What the spool knows besides its records; lies in the log's state of the shard as JSON. */
export interface SpoolState {
  readonly version: 1;
  /** UUID made with the spool. */
  readonly spoolId: string;
  /** No sequence at or above this was ever given, so the next process starts here. */
  readonly sequencesReservedTo: number;
  /** The machine's last boot that this spool has seen. */
  readonly boot: Boot;
  readonly eras: readonly ClockEra[];
}

/** One start of the machine. */
export interface Boot {
  /** The spool's count of boots, from 1. */
  readonly ordinal: number;
  /** What the kernel calls it. */
  readonly id: string;
}

/** The state of a spool that begins, after boots that are no longer known by more than their number. */
export function newSpoolState(boots: number): SpoolState {
  return { version: 1, spoolId: randomUUID(), sequencesReservedTo: 1, boot: { ordinal: boots, id: "" }, eras: [] };
}

export function encodeSpoolState(state: SpoolState): Buffer {
  return Buffer.from(JSON.stringify(state));
}

/**
 * Reads a stored state; `undefined` where it makes no sense, so that a new spool identity has to begin.
 * @throws {DeviceError} `unsupported-format`: a newer version wrote it.
 */
export function decodeSpoolState(bytes: Uint8Array): SpoolState | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
  if (!isObject(parsed)) return undefined;
  if (typeof parsed["version"] === "number" && parsed["version"] > 1) {
    throw new DeviceError("unsupported-format", `the spool's state has version ${parsed["version"]}, known: 1`);
  }
  return isSpoolState(parsed) ? parsed : undefined;
}

function isSpoolState(value: object): value is SpoolState {
  const state: Partial<Record<keyof SpoolState, unknown>> = value;
  return (
    state.version === 1 &&
    typeof state.spoolId === "string" &&
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(state.spoolId) &&
    Number.isSafeInteger(state.sequencesReservedTo) &&
    Number(state.sequencesReservedTo) > 0 &&
    isBoot(state.boot) &&
    Array.isArray(state.eras) &&
    state.eras.every(isEra)
  );
}

function isBoot(value: unknown): value is Boot {
  return isObject(value) && Number.isSafeInteger(value["ordinal"]) && typeof value["id"] === "string";
}

function isEra(value: unknown): value is ClockEra {
  if (!isObject(value)) return false;
  const era: Partial<Record<keyof ClockEra, unknown>> = value;
  const numbers = [era.boot, era.fromMonotonicMs, era.offsetMs, era.frozenToMonotonicMs];
  return numbers.every((number) => Number.isFinite(number)) && typeof era.synchronised === "boolean";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
