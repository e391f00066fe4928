"use strict";
// Readable by Node 0.10: this runs first, on whatever Node there is, and says what to do about it.

var OLDEST_MAJOR = 20;
var OLDEST_MINOR = 19;

/** @param {string} version such as v20.19.0 */
function isEnough(version) {
  var parts = version.replace(/^v/, "").split(".");
  var major = Number(parts[0]);
  var minor = Number(parts[1]);
  return major > OLDEST_MAJOR || (major === OLDEST_MAJOR && minor >= OLDEST_MINOR);
}

/** @param {string} version */
function advice(version) {
  return [
    "Headwater needs Node.js " +
      OLDEST_MAJOR +
      "." +
      OLDEST_MINOR +
      " or newer, better 22 or 24; this is " +
      version +
      ".",
    "Debian 12 and Ubuntu 24.04 bring 18, Debian 13 brings 20. One of these helps:",
    "",
    "  Debian 13:         apt-get install nodejs npm",
    "  NodeSource:        curl -fsSL https://deb.nodesource.com/setup_24.x | bash - && apt-get install -y nodejs",
    "  without root:      install nvm (https://github.com/nvm-sh/nvm), then: nvm install 24",
    "",
    "Then run the same command again.",
  ].join("\n");
}

function requireNode() {
  if (isEnough(process.version)) return;
  process.stderr.write(advice(process.version) + "\n");
  process.exit(1);
}

module.exports = { isEnough: isEnough, advice: advice, requireNode: requireNode };
