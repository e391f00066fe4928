"use strict";
// Apart from headwater.js, since an old Node cannot even read `import()`.
import("../dist/main.js").then(
  (cli) => cli.main(process.argv.slice(2)),
  (error) => {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    process.stderr.write(`headwater: ${error.message}\nheadwater: not built yet? Run: npm run build\n`);
    process.exitCode = 1;
  },
);
