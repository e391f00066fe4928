export { FaultDisk, randomOf } from "./fault-disk.js";
export type { DiskFault, DiskOperation } from "./fault-disk.js";
export { ManualClock } from "./manual-clock.js";
