import { posix } from "node:path";
import { expect, test } from "vitest";
import { compileKernel, kernels } from "../../../kernels/compile.js";

test.each(kernels.map((kernel) => [posix.basename(kernel.source.pathname), kernel] as const))(
  "what is committed of %s is what it compiles to (npm run build:kernels)",
  async (_, { source, module }) => {
    const { wasm } = (await import(module.href)) as { wasm: string };
    expect(wasm).toBe(Buffer.from(await compileKernel(source)).toString("base64"));
  },
);
