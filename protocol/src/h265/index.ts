export * from "./frame.js";
export * from "./h265-error.js";
export * from "./hevc-configuration.js";
export * from "./sequence-parameter-set.js";
