import { expect, test } from "vitest";
import { maskCredentials } from "./mask-credentials.js";

test.each([
  ["rtsp://10.0.0.5:554/main", "rtsp://10.0.0.5:554/main"],
  ["rtsp://admin:secret@10.0.0.5/main?a=b@c", "rtsp://***@10.0.0.5/main?a=b@c"],
  ["rtsp://admin:p@ss@10.0.0.5/main", "rtsp://***@10.0.0.5/main"],
  ["[rtsp] RTSPS://u:p@h/: refused, rtsp://v@h/", "[rtsp] RTSPS://***@h/: refused, rtsp://***@h/"],
])("%j is logged as %j", (text, masked) => {
  expect(maskCredentials(text)).toBe(masked);
});
