import { readFile } from "node:fs/promises";

/** Not by its name, which would bring its types along: they declare AssemblyScript's globals for a whole program. */
const compiler = "assemblyscript/asc";
/** @type {{ main: (args: string[], io: object) => Promise<{ error: Error | null }> }} */
const { main } = await import(compiler);

/** Each kernel's source, which is AssemblyScript, and where its module is committed. */
export const kernels = [
  {
    source: new URL("./put-records.ts", import.meta.url),
    module: new URL("../cloud/src/kernels/put-records.wasm.ts", import.meta.url),
  },
  {
    source: new URL("./records.ts", import.meta.url),
    module: new URL("../cloud/src/kernels/records.wasm.ts", import.meta.url),
  },
  {
    source: new URL("./walk-frames.ts", import.meta.url),
    module: new URL("../log/src/kernels/walk-frames.wasm.ts", import.meta.url),
  },
];

/** Nothing is collected or checked, and there is nothing to import. */
const options = ["-O3", "--enable", "simd", "--runtime", "stub", "--noAssert", "--use", "abort="];

/**
 * Compiles a kernel. The same source gives the same bytes, on any machine.
 * @param {URL} source
 * @returns {Promise<Uint8Array>} the WebAssembly module
 */
export async function compileKernel(source) {
  const name = source.pathname.slice(source.pathname.lastIndexOf("/") + 1);
  /** @type {Uint8Array | undefined} */
  let bytes;
  let messages = "";
  const { error } = await main([name, "--outFile", "kernel.wasm", ...options], {
    readFile: (/** @type {string} */ file) => readFile(new URL(file, source), "utf8").catch(() => null),
    writeFile: (/** @type {string} */ _, /** @type {Uint8Array} */ contents) => void (bytes = contents),
    listFiles: () => null,
    stderr: { write: (/** @type {string} */ text) => void (messages += text) },
  });
  if (error !== null || bytes === undefined) throw new Error(`${name} does not compile:\n${messages}`);
  return bytes;
}
