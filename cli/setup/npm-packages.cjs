"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { mustRun, root, run } = require("./command.cjs");
const { bar, stage } = require("./stage.cjs");
const { compilers, ensureSystemPackages } = require("./system-packages.cjs");

/** Megabytes to download and on disk, measured on x86-64 with a cold cache; sqlite3's binary included. */
const SIZES = {
  run: { download: 25, disk: 117 },
  all: { download: 82, disk: 368 },
};

/**
 * @typedef {{ version?: string, link?: boolean, dev?: boolean, optional?: boolean, devOptional?: boolean }} Locked
 * @typedef {Record<string, Locked>} Packages paths such as `node_modules/ws`
 */

/**
 * The packages that have to be there, by path.
 * @param {Packages} locked of package-lock.json
 * @param {boolean} withTools also what only tests, lint and benchmarks need
 */
function wantedPackages(locked, withTools) {
  return Object.entries(locked).filter(
    ([place, { dev, optional, devOptional }]) =>
      /(^|\/)node_modules\//.test(place) && !optional && !devOptional && (withTools || !dev),
  );
}

/**
 * The wanted packages that are absent or of another version. npm itself notes what it installed in a hidden lock file,
 * so an install by hand counts as well.
 * @param {Packages} locked
 * @param {Packages} installed
 * @param {boolean} withTools
 */
function missingPackages(locked, installed, withTools) {
  return wantedPackages(locked, withTools)
    .filter(([place, { version, link }]) => {
      const there = installed[place];
      return there === undefined || there.version !== version || there.link !== link;
    })
    .map(([place]) => place);
}

/** @param {string} file @returns {Packages} */
function readLock(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, file), "utf8")).packages;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
}

/**
 * Installs what package-lock.json lists, unless it is there.
 * @param {boolean} withTools
 */
async function ensureNpmPackages(withTools) {
  const locked = readLock("package-lock.json");
  const installed = readLock("node_modules/.package-lock.json");
  if (missingPackages(locked, installed, withTools).length > 0) {
    // A developer's tools stay where they are: npm ci starts from nothing.
    const tools = withTools || Object.values(installed).some(({ dev }) => dev);
    const wanted = wantedPackages(locked, tools).map(([place]) => path.join(root, place, "package.json"));
    const { download, disk } = tools ? SIZES.all : SIZES.run;
    process.stdout.write(
      `Installing ${wanted.length} npm packages into node_modules: about ${download} MB to download, ${disk} MB on disk\n`,
    );
    await stage("npm packages", async (show) => {
      const timer = setInterval(
        () => show(bar(wanted.filter((file) => fs.existsSync(file)).length, wanted.length)),
        500,
      );
      try {
        // Scripts of packages stay off; the one that is needed follows below.
        const flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        await npm(tools ? flags : [...flags, "--omit=dev"]);
      } finally {
        clearInterval(timer);
      }
    });
  }
  await ensureSqlite();
}

/** sqlite3 is native: its own prebuilt binary where that can be fetched and loads here, else compiled. */
async function ensureSqlite() {
  if (await sqliteLoads()) return;
  const directory = path.join(root, "node_modules/sqlite3");
  const prebuilt = await stage("looking for a prebuilt sqlite3", async () => {
    const tool = path.join(root, "node_modules/prebuild-install/bin.js");
    await run("sh", ["-c", 'cd "$1" && exec "$2" "$3" -r napi', "sh", directory, process.execPath, tool]);
    return sqliteLoads();
  });
  if (prebuilt) return;
  process.stdout.write("There is no prebuilt sqlite3 that runs here, so it is compiled: about a minute\n");
  await ensureSystemPackages("to compile sqlite3", compilers);
  await stage("compiling sqlite3", (show) =>
    npm(["rebuild", "sqlite3", "--build-from-source", "--foreground-scripts"], {
      env: nodeHeaders(),
      onLine(line) {
        const file = compiledFile(line);
        if (file !== undefined) show(file);
      },
    }),
  );
}

/**
 * What make is at: `statement.o` of `CXX(target) Release/obj.target/node_sqlite3/src/statement.o`; undefined for other lines.
 * @param {string} line
 */
function compiledFile(line) {
  return /^\s*[A-Z_]+\(target\) (?:.*\/)?([^/]+)$/.exec(line)?.[1];
}

async function sqliteLoads() {
  return (await run(process.execPath, ["--require", "sqlite3", "--eval", ""])).code === 0;
}

/** The headers that came with this Node, so that node-gyp need not fetch them. */
function nodeHeaders() {
  const prefix = path.resolve(path.dirname(process.execPath), "..");
  const header = path.join(prefix, "include/node/node_version.h");
  if (!fs.existsSync(header)) return {};
  const text = fs.readFileSync(header, "utf8");
  const version = ["MAJOR", "MINOR", "PATCH"].map(
    (part) => new RegExp(`define NODE_${part}_VERSION (\\d+)`).exec(text)?.[1],
  );
  return `v${version.join(".")}` === process.version ? { npm_config_nodedir: prefix } : {};
}

/**
 * The npm that runs us, else the one in the path.
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, onLine?: (line: string) => void }} [options]
 */
function npm(args, options) {
  const own = process.env.npm_execpath;
  return own?.endsWith(".js") ? mustRun(process.execPath, [own, ...args], options) : mustRun("npm", args, options);
}

module.exports = { ensureNpmPackages, missingPackages };
