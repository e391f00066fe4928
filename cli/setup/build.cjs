"use strict";
const { mustRun } = require("./command.cjs");
const { stage } = require("./stage.cjs");

/**
 * Compiles, which type-checks as well. What has not changed is skipped.
 * @param {"." | "cli"} project `cli` with the parts it runs, or everything with its tests
 */
async function build(project) {
  await stage(project === "." ? "type check and build" : "build", () =>
    mustRun(process.execPath, ["node_modules/typescript/bin/tsc", "-b", project]),
  );
}

module.exports = { build };
