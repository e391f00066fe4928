export * from "./audio-specific-config.js";
export * from "./init-segment.js";
export * from "./media-segment.js";
export * from "./mp4-error.js";
export { sampleClock } from "./sample-times.js";
export * from "./track.js";
