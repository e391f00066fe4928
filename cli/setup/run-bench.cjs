"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { build } = require("./build.cjs");
const { SetupError, root, run } = require("./command.cjs");
const { main } = require("./main.cjs");
const { ensureNpmPackages } = require("./npm-packages.cjs");
const { ensureSystemPackages, videoClients } = require("./system-packages.cjs");

main(async ([name, ...args]) => {
  await ensureNpmPackages(true);
  await build(".");
  const directory = path.join(root, "bench/dist");
  const file = path.join(directory, `${name}.js`);
  if (name === undefined || !/^[\w-]+$/.test(name) || !fs.existsSync(file)) {
    const names = fs.readdirSync(directory).filter((entry) => entry.endsWith(".js"));
    throw new SetupError(
      `npm run bench -- NAME, where NAME is one of: ${names.map((entry) => entry.slice(0, -3)).join(", ")}`,
    );
  }
  if (name === "video") await ensureSystemPackages("to bench video", videoClients);
  // Node 20 is old enough for the AWS SDK to say so in every run.
  const env = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };
  const { code } = await run(process.execPath, [file, ...args], { show: true, env });
  return code;
});
