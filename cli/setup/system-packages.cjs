"use strict";
const fs = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");
const { SetupError, mustRun, run, thenRestore } = require("./command.cjs");
const { stage } = require("./stage.cjs");

/**
 * A Debian package, and how to tell that what it brings is there.
 * @typedef {{ name: string, isThere: () => boolean | Promise<boolean> }} SystemPackage
 */

/** @param {string} program */
function isInPath(program) {
  return (process.env.PATH ?? "").split(":").some((directory) => fs.existsSync(path.join(directory, program)));
}

/** What node-gyp needs, where sqlite3 has to be compiled. */
/** @type {SystemPackage[]} */
const compilers = [
  { name: "python3", isThere: () => isInPath("python3") },
  { name: "make", isThere: () => isInPath("make") },
  { name: "g++", isThere: () => isInPath("g++") },
];

/** What takes the picture of a camera, or makes one; npm's ffmpeg-static does, where somebody installed it. */
/** @type {SystemPackage[]} */
const videoTools = [{ name: "ffmpeg", isThere: () => isInPath("ffmpeg") || hasFfmpegStatic() }];

/** What sends video and what shows it, for tests and benchmarks. */
/** @type {SystemPackage[]} */
const videoClients = [
  { name: "ffmpeg", isThere: () => fs.existsSync("/usr/bin/ffmpeg") },
  // The simulated camera (hardware/simulated-camera), and GStreamer as the device's capture.
  { name: "gstreamer1.0-tools", isThere: () => fs.existsSync("/usr/bin/gst-launch-1.0") },
  { name: "gstreamer1.0-plugins-good", isThere: () => hasElement("rtspsrc") },
  { name: "gstreamer1.0-plugins-bad", isThere: () => hasElement("h264parse") },
  { name: "gstreamer1.0-plugins-ugly", isThere: () => hasElement("x264enc") },
  { name: "gstreamer1.0-x", isThere: () => hasElement("timeoverlay") },
  {
    name: "gir1.2-gst-rtsp-server-1.0",
    isThere: async () => {
      const load = 'import gi; gi.require_version("GstRtspServer", "1.0")';
      return fs.existsSync("/usr/bin/python3") && (await run("/usr/bin/python3", ["-c", load])).code === 0;
    },
  },
  {
    name: "python3-gi",
    isThere: async () =>
      fs.existsSync("/usr/bin/python3") && (await run("/usr/bin/python3", ["-c", "import gi"])).code === 0,
  },
  { name: "chromium", isThere: () => fs.existsSync("/usr/bin/chromium") },
];

/** The clients that the tests run against the real thing: Debian's own, by their paths. */
/** @type {SystemPackage[]} */
const testClients = [
  { name: "awscli", isThere: () => fs.existsSync("/usr/bin/aws") },
  {
    name: "python3-boto3",
    isThere: async () =>
      fs.existsSync("/usr/bin/python3") && (await run("/usr/bin/python3", ["-c", "import boto3"])).code === 0,
  },
  { name: "mosquitto-clients", isThere: () => fs.existsSync("/usr/bin/mosquitto_pub") },
  ...videoClients,
  { name: "strace", isThere: () => fs.existsSync("/usr/bin/strace") },
];

function hasFfmpegStatic() {
  try {
    return fs.existsSync(createRequire(__filename)("ffmpeg-static"));
  } catch {
    return false; // the usual case: nobody installed it
  }
}

/** @param {string} element of GStreamer's. */
async function hasElement(element) {
  return (
    fs.existsSync("/usr/bin/gst-inspect-1.0") &&
    (await run("/usr/bin/gst-inspect-1.0", ["--exists", element])).code === 0
  );
}

const APT = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
const INSTALL = ["install", "-y", "--no-install-recommends"];

/**
 * Brings what is missing: as root by apt, else by telling the one command.
 * @param {string} reason completes "needed …".
 * @param {readonly SystemPackage[]} packages
 */
async function ensureSystemPackages(reason, packages) {
  /** @type {string[]} */
  const missing = [];
  for (const { name, isThere } of packages) if (!(await isThere())) missing.push(name);
  if (missing.length === 0) return;
  const list = missing.join(" ");
  if (!isInPath("apt-get"))
    throw new SetupError(`These are needed ${reason}: ${list}. Install them, then run the same command again.`);
  if (process.getuid?.() !== 0)
    throw new SetupError(
      `These Debian packages are needed ${reason}. Install them, then run the same command again:\n\n` +
        `  sudo apt-get update && sudo apt-get ${INSTALL.join(" ")} ${list}\n`,
    );
  await stage(`Debian packages ${list}`, async (show) => {
    const size = await downloadSize(missing, show);
    process.stdout.write(`\nNeeded ${reason}: ${list}${size === "" ? "" : `; ${size}`}\n`);
    await withoutDaemons(() => mustRun("apt-get", [...INSTALL, ...missing], { env: APT, onLine: show }));
  });
}

/**
 * What apt says of the download. Lists that do not know the packages are fetched first.
 * @param {readonly string[]} names
 * @param {(detail: string) => void} show
 */
async function downloadSize(names, show) {
  const ask = () => run("apt-get", ["install", "--assume-no", "--no-install-recommends", ...names], { env: APT });
  let { output } = await ask();
  if (!output.includes("additional disk space") || isStale()) {
    await mustRun("apt-get", ["update"], { env: APT, onLine: show });
    ({ output } = await ask());
  }
  const sizes = output.split("\n").filter((line) => /^(Need to get|After this operation)/.test(line));
  return sizes.map((line) => line.replace(/\.$/, "").replace(/^./, (first) => first.toLowerCase())).join("; ");
}

/** Lists older than a day may name versions that the mirrors no longer have. */
function isStale() {
  const lists = "/var/lib/apt/lists";
  const newest = Math.max(0, ...fs.readdirSync(lists).map((name) => fs.statSync(path.join(lists, name)).mtimeMs));
  return Date.now() - newest > 24 * 3600 * 1000;
}

const POLICY = "/usr/sbin/policy-rc.d";
const KEPT_POLICY = `${POLICY}.before-headwater`;
const OUR_POLICY =
  "#!/bin/sh\n# Headwater's set-up: packages are installed now, and none may start a daemon.\nexit 101\n";

/**
 * Debian asks /usr/sbin/policy-rc.d before a package starts its daemon; 101 forbids it.
 * @template T
 * @param {() => Promise<T>} work
 */
async function withoutDaemons(work) {
  const restore = () => {
    fs.rmSync(POLICY, { force: true });
    if (fs.existsSync(KEPT_POLICY)) fs.renameSync(KEPT_POLICY, POLICY);
  };
  // Ours is still there where a set-up was killed half-way.
  if (fs.existsSync(POLICY) && fs.readFileSync(POLICY, "utf8") !== OUR_POLICY) fs.renameSync(POLICY, KEPT_POLICY);
  fs.writeFileSync(POLICY, OUR_POLICY, { mode: 0o755 });
  return thenRestore(work, restore);
}

module.exports = { ensureSystemPackages, compilers, testClients, videoClients, videoTools };
