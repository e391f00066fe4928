export * from "./event.js";
export * from "./limits.js";
export * from "./matroska-error.js";
export * from "./matroska-reader.js";
export * from "./matroska-writer.js";
export { END_OF_FRAGMENT_TAG, type MatroskaTag } from "./tag.js";
export * from "./track.js";
