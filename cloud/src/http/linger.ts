/** How long a client may go on sending a body that was refused, before its connection is cut. */
export const LINGER_MS = 10_000;
