"use strict";
const path = require("node:path");
const { parseArgs } = require("node:util");
const { build } = require("./build.cjs");
const { SetupError, leaveSignals, root } = require("./command.cjs");
const { main } = require("./main.cjs");
const { ensureNpmPackages } = require("./npm-packages.cjs");
const { ensureSystemPackages, videoTools } = require("./system-packages.cjs");

const HELP = `npm start -- [flags]: installs what is missing, builds, and runs a cloud, a gateway and a device on this machine

  --port NUMBER       port of the AWS APIs and the console (default 4567, or a free one if that is taken)
  --mqtt-port NUMBER  port of the gateway for devices (default 1883, or a free one if that is taken)
  --camera SOURCE     rtsp://…, /dev/video…, or off (default test-pattern, a picture that is made here)
  --data DIR          where everything is kept (default .headwater beside package.json)
  --help              this text
`;

main(async (argv) => {
  const options = readOptions(argv);
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  if (process.platform === "win32") throw new SetupError("Windows is not supported; WSL 2 with Debian or Ubuntu is.");

  await ensureNpmPackages(false);
  const camera = await usableCamera(options.camera);
  await build("cli");
  leaveSignals();
  const { quickstart } = await import("../dist/quickstart/quickstart.js");
  return quickstart({ ...options, camera });
});

/**
 * @param {readonly string[]} argv
 * @returns {{ port: number | undefined, mqttPort: number | undefined, camera: string | undefined, data: string } | undefined} undefined for help.
 */
function readOptions(argv) {
  const text = { type: /** @type {const} */ ("string") };
  let values;
  try {
    values = parseArgs({
      args: [...argv],
      options: { port: text, "mqtt-port": text, camera: text, data: text, help: { type: "boolean" } },
    }).values;
  } catch (error) {
    throw new SetupError(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
  }
  if (values.help) return undefined;
  return {
    port: readPort("--port", values.port),
    mqttPort: readPort("--mqtt-port", values["mqtt-port"]),
    camera: readCamera(values.camera),
    // From where the command was typed, since npm itself runs in the root.
    data: path.resolve(process.env.INIT_CWD ?? process.cwd(), values.data ?? path.join(root, ".headwater")),
  };
}

/**
 * @param {string} flag
 * @param {string | undefined} text
 */
function readPort(flag, text) {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535)
    throw new SetupError(`${flag}: must be a port from 1 to 65535, not ${JSON.stringify(text)}`);
  return port;
}

/** @param {string | undefined} text */
function readCamera(text) {
  if (text === undefined || /^(rtsps?:\/\/\S+|\/dev\/\S+|test-pattern|off)$/i.test(text)) return text;
  // Not what was given: it may hold a password.
  throw new SetupError("--camera: must be rtsp://…, rtsps://…, /dev/video…, test-pattern or off");
}

/**
 * Brings what a camera needs. Where nobody asked for one, doing without is no reason to stop.
 * @param {string | undefined} asked
 * @returns {Promise<string | undefined>} undefined where there is to be none.
 */
async function usableCamera(asked) {
  if (asked === "off") return undefined;
  try {
    await ensureSystemPackages("for video", videoTools);
    return asked ?? "test-pattern";
  } catch (error) {
    if (asked !== undefined || !(error instanceof SetupError)) throw error;
    process.stdout.write(`\n${error.message}\nGoing on without video.\n\n`);
    return undefined;
  }
}
