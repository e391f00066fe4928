import type { Lease, LeaseState } from "./lease.js";

/**
 * Where the workers of an application keep their leases. Each call is atomic for its lease, and sees every call that was
 * answered before. Fails with a ClientError; a call that was aborted or not answered may have been done all the same.
 */
export interface LeaseStore {
  /** Makes the place for leases, unless it is there. */
  open(signal: AbortSignal): Promise<void>;
  list(signal: AbortSignal): Promise<Lease[]>;
  get(leaseKey: string, signal: AbortSignal): Promise<Lease | undefined>;
  /** @returns false where there is a lease of this key already, which stays as it is. */
  create(lease: Lease, signal: AbortSignal): Promise<boolean>;
  /**
   * Changes a lease that still is as expected.
   * @returns the lease afterwards; undefined where it is not as expected, or gone.
   */
  update(
    leaseKey: string,
    expected: Partial<LeaseState>,
    changes: Partial<LeaseState>,
    signal: AbortSignal,
  ): Promise<Lease | undefined>;
  /** Removes a lease whose counter still is as expected. */
  remove(leaseKey: string, leaseCounter: number, signal: AbortSignal): Promise<void>;
  close(): void;
}
