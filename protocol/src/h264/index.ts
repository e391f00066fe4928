export * from "./avc-configuration.js";
export * from "./frame.js";
export * from "./h264-error.js";
export * from "./in-band-parameter-sets.js";
export * from "./nal-units.js";
export * from "./sequence-parameter-set.js";
