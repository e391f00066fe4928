"use strict";
// Readable by Node 0.10: this runs first, on whatever Node there is, and says what to do about it.

var OLDEST = [20, 19];

function isEnough(version) {
  var parts = version.replace(/^v/, "").split(".");
  var major = Number(parts[0]);
  var minor = Number(parts[1]);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

function advice(version) {
  return [
    "Headwater needs Node.js " + OLDEST.join(".") + " or newer, better 22 or 24; this is " + version + ".",
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
