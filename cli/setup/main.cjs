"use strict";
const { SetupError, endOnSignals } = require("./command.cjs");

/**
 * Runs one of the commands; what the user can put right is printed without a stack.
 * @param {(argv: readonly string[]) => Promise<number>} command resolves with the exit code.
 */
function main(command) {
  endOnSignals();
  command(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error) => {
      process.stderr.write(`\n${error instanceof SetupError ? error.message : error.stack}\n`);
      process.exit(1);
    },
  );
}

module.exports = { main };
