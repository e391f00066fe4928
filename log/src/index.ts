export * from "./api.js";
export { openLog } from "./open.js";
export { nodeDisk } from "./node-disk.js";
export { lockDirectory } from "./lock.js";
export { SlabPool } from "./slab-pool.js";
export { type FramePiece, frameEntryBytes, pageOf } from "./shard/frame-piece.js";
export { instantiate, type KernelExports, type KernelNumber } from "./kernels/instantiate.js";
