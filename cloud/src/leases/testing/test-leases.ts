import { type Change, LeaseState } from "../lease-state.js";
import { type LeaseStore, LeaseTables } from "../lease-tables.js";
import { leaseOperations } from "../operations/index.js";

/** A store that keeps what it was given, writes when told to, and can fail. */
export class MemoryLeaseStore implements LeaseStore {
  readonly written: (readonly Change[])[] = [];
  /** What each write does before it is durable. */
  beforeWrite: () => Promise<void> = () => Promise.resolve();

  load(): Promise<LeaseState> {
    const state = new LeaseState();
    for (const change of this.written.flat()) state.apply(change);
    return Promise.resolve(state);
  }

  async write(changes: readonly Change[]): Promise<void> {
    await this.beforeWrite();
    this.written.push([...changes]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The lease tables without HTTP and disk, spoken to by bodies as clients send them. */
export class TestLeases {
  private constructor(
    readonly store: MemoryLeaseStore,
    readonly tables: LeaseTables,
  ) {}

  static async start(): Promise<TestLeases> {
    const store = new MemoryLeaseStore();
    return new TestLeases(store, await LeaseTables.open(store));
  }

  /** @throws {LeaseError} */
  async call(name: string, body: unknown): Promise<Record<string, unknown>> {
    const operation = leaseOperations.get(name);
    if (operation === undefined) throw new RangeError(`no operation ${name}`);
    const context = { accountId: "000000000000", region: "us-east-1", now: () => 1_700_000_000_000 };
    // As they come over the wire.
    const given: unknown = JSON.parse(JSON.stringify(body));
    const answer = await this.tables.call((state) => operation(given, state, context));
    return JSON.parse(JSON.stringify(answer ?? {})) as Record<string, unknown>;
  }
}
