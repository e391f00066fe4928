import { Refusal } from "../gateway-error.js";

/** aedes tells these apart by their messages only. */
const brokerCauses: Readonly<Record<string, string>> = {
  "keep alive timeout": "keep-alive-timeout",
  "drain timeout": "drain-timeout",
  "connect did not arrive in time": "connect-timeout",
  "unacceptable protocol version": "protocol-version",
};

/** Why a connection ended, as a metric's label: one of few. */
export function causeOfEnd(error: Error): string {
  if (error instanceof Refusal) return error.code;
  if ("code" in error && typeof error.code === "string") return "network";
  return brokerCauses[error.message] ?? "protocol";
}
