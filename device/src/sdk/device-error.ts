import { LogError, type LogErrorCode } from "@headwater/log";

/** What the device says no with. `retriable`: the same call may succeed later. */
export const deviceErrors = {
  /** Options that cannot work; nothing was opened. */
  "invalid-options": { retriable: false },
  /** Not a stream name: 1 to 128 of `a-z A-Z 0-9 _ . -`. */
  "invalid-stream": { retriable: false },
  /** Not 1 to 256 Unicode characters. */
  "invalid-partition-key": { retriable: false },
  /** Not a decimal number from 0 to 2^128 - 1. */
  "invalid-explicit-hash-key": { retriable: false },
  /** The data is neither bytes nor a string. */
  "invalid-data": { retriable: false },
  /** Data and partition key take more than 1 MiB together. */
  "record-too-large": { retriable: false },
  /** The spool holds `spoolBytesMax` and may not drop; the gateway has to take some first. */
  "spool-full": { retriable: true },
  /** Too many bytes are waiting for the disk; await some puts first. */
  overloaded: { retriable: true },
  /** The file system has no space. */
  "disk-full": { retriable: true },
  /** The disk refused a write or a sync. */
  "disk-failed": { retriable: true },
  /** Another process has the data directory. */
  "directory-in-use": { retriable: false },
  /** A newer version wrote the data directory. */
  "unsupported-format": { retriable: false },
  /** The device is closed. */
  closed: { retriable: false },
} as const satisfies Record<string, { retriable: boolean }>;

export type DeviceErrorCode = keyof typeof deviceErrors;

/** The only error that the SDK throws on purpose; anything else is a bug. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
  constructor(
    readonly code: DeviceErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether the same call may succeed later. */
  get retriable(): boolean {
    return deviceErrors[this.code].retriable;
  }
}

const fromLog: Partial<Record<LogErrorCode, DeviceErrorCode>> = {
  "disk-full": "disk-full",
  "disk-failed": "disk-failed",
  overloaded: "overloaded",
  closed: "closed",
  "directory-in-use": "directory-in-use",
  "unsupported-format": "unsupported-format",
};

/** What the log threw, in the SDK's words; what is no such error comes back as it is. */
export function fromLogError(error: unknown): unknown {
  const code = error instanceof LogError ? fromLog[error.code] : undefined;
  return code === undefined || !(error instanceof LogError)
    ? error
    : new DeviceError(code, error.message, { cause: error });
}
