export { streamReplayer } from "./replay/stream-replayer.js";
