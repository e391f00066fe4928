import { buildAvcC, ppsIdOf, type AvcConfiguration } from "./avc-configuration.js";
import { nalKindOf, nalUnitsOf } from "./frame.js";
import { H264Error } from "./h264-error.js";
import { parseSps } from "./sequence-parameter-set.js";

/**
 * Looks whether a frame carries parameter sets that its track's configuration does not have: a camera that changed its
 * resolution, or an encoder that started anew.
 * @returns the configuration record from this frame on, which needs a new initialization segment; undefined where
 *   nothing changed.
 * @throws {H264Error} `InvalidMediaFrame`.
 */
export function changedAvcC(configuration: AvcConfiguration, frame: Uint8Array): Buffer | undefined {
  const { lengthBytes } = configuration;
  const units = nalUnitsOf(frame, lengthBytes);
  const inBand = (kind: "sps" | "pps"): Uint8Array[] => units.filter((unit) => nalKindOf(unit) === kind);
  try {
    const spsUnits = merged(configuration.spsUnits, inBand("sps"), (unit) => parseSps(unit).id);
    const ppsUnits = merged(configuration.ppsUnits, inBand("pps"), ppsIdOf);
    if (spsUnits === undefined && ppsUnits === undefined) return undefined;
    return buildAvcC(spsUnits ?? configuration.spsUnits, ppsUnits ?? configuration.ppsUnits, lengthBytes);
  } catch (error) {
    if (error instanceof H264Error) throw new H264Error("InvalidMediaFrame", error.message, { cause: error });
    throw error;
  }
}

/**
 * The frame's sets first, since its slices use them, then the known ones whose ids it does not take; undefined where
 * that changes nothing.
 */
function merged(
  known: readonly Uint8Array[],
  inBand: readonly Uint8Array[],
  idOf: (unit: Uint8Array) => number,
): Uint8Array[] | undefined {
  const isKnown = (unit: Uint8Array): boolean => known.some((other) => Buffer.compare(unit, other) === 0);
  if (inBand.every(isKnown)) return undefined;
  const byId = new Map(inBand.map((unit) => [idOf(unit), unit]));
  for (const unit of known) if (!byId.has(idOf(unit))) byId.set(idOf(unit), unit);
  const after = [...byId.values()];
  return after.length === known.length && after.every(isKnown) ? undefined : after;
}
