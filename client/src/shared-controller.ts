import { setMaxListeners } from "node:events";

/** A controller whose signal many wait on at once, as they should: Node warns from eleven on, taking it for a leak. */
export function sharedController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
