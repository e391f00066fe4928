"use strict";
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { build } = require("./build.cjs");
const { SetupError, mustRun, run } = require("./command.cjs");
const { main } = require("./main.cjs");
const { ensureNpmPackages } = require("./npm-packages.cjs");
const { finished, stage } = require("./stage.cjs");
const { ensureSystemPackages, testClients } = require("./system-packages.cjs");

main(async (argv) => {
  const unknown = argv.find((word) => word !== "--unit" && word !== "--full");
  if (unknown !== undefined)
    throw new SetupError(`${unknown}? There is --unit (no root needed) and --full (all night).`);
  const unitOnly = argv.includes("--unit");

  if (!unitOnly) await ensureSystemPackages("by the tests", testClients);
  await ensureNpmPackages(true);
  const setUpStages = finished.length;

  const counts = { passed: 0, failed: 0 };
  if (await passes(() => build("."))) {
    if (!(await passes(lint))) counts.failed += 1;
    const projects = unitOnly ? ["unit"] : ["unit", "system"];
    for (const project of projects) await passes(() => runTests(project, argv.includes("--full"), counts));
  } else counts.failed += 1;

  process.stdout.write("\n");
  for (const { title, seconds, ok } of finished.slice(setUpStages))
    process.stdout.write(`${ok ? "ok    " : "FAILED"} ${title}: ${seconds.toFixed(1)} s\n`);
  // A stage that failed counts as one, so that zero means what it says.
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
  return counts.failed === 0 ? 0 : 1;
});

/** @param {() => Promise<unknown>} work */
async function passes(work) {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stdout.write(`${error.message}\n`);
    return false;
  }
}

async function lint() {
  await stage("lint", () => mustRun("npm", ["run", "--silent", "lint"]));
}

/**
 * @param {string} project of vitest.config.ts
 * @param {boolean} full
 * @param {{ passed: number, failed: number }} counts
 */
async function runTests(project, full, counts) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "headwater-test-"));
  const report = path.join(directory, "report.json");
  try {
    await stage(
      `${project} tests`,
      async () => {
        const { code } = await run(
          process.execPath,
          [
            "node_modules/vitest/vitest.mjs",
            "run",
            `--project=${project}`,
            "--reporter=default",
            "--reporter=json",
            `--outputFile.json=${report}`,
          ],
          { show: true, ...(full ? { env: { HEADWATER_TEST_FULL: "1" } } : {}) },
        );
        const { numPassedTests = 0, numFailedTests = 0 } = fs.existsSync(report)
          ? JSON.parse(fs.readFileSync(report, "utf8"))
          : {};
        counts.passed += numPassedTests;
        // A file that cannot be loaded fails no test, but the run.
        counts.failed += Math.max(numFailedTests, code === 0 ? 0 : 1);
        if (code !== 0) throw new SetupError(`${project} tests failed`);
      },
      { printsItself: true },
    );
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}
