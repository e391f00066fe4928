import type { Lane } from "../spool/watermarks.js";

/** Names a fragment within its stream, for good. */
export interface FragmentId extends Lane {
  /** The device's count. */
  readonly fragment: number;
}

/** Neither id has a slash. */
export function keyOfLane({ device, spoolId, lane }: Lane): string {
  return `${device}/${spoolId}/${lane}`;
}

export function keyOfFragment(id: FragmentId): string {
  return `${keyOfLane(id)}/${id.fragment}`;
}
