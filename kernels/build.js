import { writeFile } from "node:fs/promises";
import { compileKernel, kernels } from "./compile.js";

// What is committed is a module of TypeScript, so that neither a start nor a test needs the compiler.
for (const { source, module } of kernels) {
  const bytes = Buffer.from(await compileKernel(source));
  const text = `/** Made by \`npm run build:kernels\`. */\nexport const wasm =\n  "${bytes.toString("base64")}";\n`;
  await writeFile(module, text);
  process.stdout.write(`${module.pathname.split("/").at(-1)}: ${bytes.length} bytes\n`);
}
