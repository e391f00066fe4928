export * from "./encode-event-message.js";
export * from "./event-message.js";
export * from "./event-stream-error.js";
export * from "./event-stream-reader.js";
