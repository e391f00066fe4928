import type { Lease, LeaseState } from "./lease.js";
import type { LeaseStore } from "./lease-store.js";

/**
 * Leases of workers in one process, or of a consumer that begins anew each time. Give the same store to each of them.
 * Nothing of it outlives the process.
 */
export class MemoryLeaseStore implements LeaseStore {
  readonly #leases = new Map<string, Lease>();

  async open(): Promise<void> {}

  async list(): Promise<Lease[]> {
    return Promise.resolve([...this.#leases.values()]);
  }

  async get(leaseKey: string): Promise<Lease | undefined> {
    return Promise.resolve(this.#leases.get(leaseKey));
  }

  async create(lease: Lease): Promise<boolean> {
    if (this.#leases.has(lease.leaseKey)) return Promise.resolve(false);
    this.#leases.set(lease.leaseKey, lease);
    return Promise.resolve(true);
  }

  async update(
    leaseKey: string,
    expected: Partial<LeaseState>,
    changes: Partial<LeaseState>,
  ): Promise<Lease | undefined> {
    const lease = this.#leases.get(leaseKey);
    if (lease === undefined || !isAs(lease, expected)) return Promise.resolve(undefined);
    const changed = { ...lease, ...changes };
    this.#leases.set(leaseKey, changed);
    return Promise.resolve(changed);
  }

  async remove(leaseKey: string, leaseCounter: number): Promise<void> {
    if (this.#leases.get(leaseKey)?.leaseCounter === leaseCounter) this.#leases.delete(leaseKey);
    return Promise.resolve();
  }

  close(): void {}
}

function isAs(lease: Lease, expected: Partial<LeaseState>): boolean {
  return (Object.keys(expected) as (keyof LeaseState)[]).every((key) => lease[key] === expected[key]);
}
