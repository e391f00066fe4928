/** What we use of WebAssembly, which the language's own library of types leaves to browsers'. */
interface WebAssembly {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: KernelExports };
}

/** A number that a kernel exports, which may change as it runs. */
export interface KernelNumber {
  readonly value: number;
}

/** What every kernel exports, beside what is its own. */
export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
}

/**
 * Begins a kernel, with memory of its own that never grows.
 * @param wasm its module in base64.
 */
export function instantiate(wasm: string): KernelExports {
  const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssembly }).WebAssembly;
  return new Instance(new Module(Buffer.from(wasm, "base64"))).exports;
}
