/*
 * How a gateway tells its cloud which fragments were late: captured before what live viewers have seen. AWS ignores the
 * header, and keeps the tag for whoever reads it.
 */

/** Signed header of PutMedia: the lane of all fragments of the call, known before the first of them. */
export const VIDEO_LANE_HEADER = "x-headwater-lane";
/** The same as a tag of one fragment. */
export const VIDEO_LANE_TAG = "HEADWATER_LANE";
export const VIDEO_LANE_BACKFILL = "backfill";
/** Of tags that say how a fragment travelled: what is sent again may have others, and is the same fragment. */
export const TRAVEL_TAG_PREFIX = "HEADWATER_";
