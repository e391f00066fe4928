import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { BoundedLogFile } from "./bounded-log-file.js";
import { ChildPart } from "./child-part.js";
import { choosePort } from "./choose-port.js";
import { claimDirectory } from "./claim-directory.js";
import { endRequested } from "./end-requested.js";
import { QuickstartError } from "./quickstart-error.js";
import { sshFrom, welcome, type Whereabouts } from "./welcome.js";

export interface QuickstartOptions {
  /** Undefined: the usual one, or a free one where that is taken. */
  readonly port: number | undefined;
  readonly mqttPort: number | undefined;
  /** Absolute; made where it does not exist. */
  readonly data: string;
  /** `test-pattern`, `rtsp://…` or `/dev/video…`; undefined: none. */
  readonly camera: string | undefined;
}

const REGION = "us-east-1";
/** Of the test pattern, and of a camera whose picture is encoded here: what a small machine can do beside the rest. */
const PICTURE = { width: 640, height: 360, framesPerSecond: 25 };
const LOG_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Runs a cloud, a gateway and a device until Ctrl-C, each in a process of its own.
 * @returns the exit code.
 */
export async function quickstart(options: QuickstartOptions): Promise<number> {
  // A terminal that went away must not keep the parts from stopping one after the other.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  const started: ChildPart[] = [];
  const ending = new AbortController();
  const end = endRequested({
    onFirst(reason) {
      ending.abort(reason);
      say(`\nStopping (${reason}); once more ends everything at once`);
    },
    onSecond() {
      started.forEach((part) => part.kill());
    },
  });
  let release: (() => void) | undefined;
  try {
    release = await claimDirectory(options.data);
    const where = await Promise.race([startAll(options, started, ending.signal), end]);
    if (typeof where === "object") say(welcome(where));
    await end;
    return 0;
  } catch (error) {
    if (!(error instanceof QuickstartError)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    return 1;
  } finally {
    // Upstream last, so that each part can still hand over what it has.
    for (const part of started.toReversed()) await part.stop();
    release?.();
  }
}

/** The cloud, then the gateway that needs it, then the device that needs the gateway: each once the one before serves. */
async function startAll(options: QuickstartOptions, started: ChildPart[], signal: AbortSignal): Promise<Whereabouts> {
  const port = await choosePort("--port", options.port, 4567, say);
  const mqttPort = await choosePort("--mqtt-port", options.mqttPort, 1883, say);
  const logs = join(options.data, "logs");
  mkdirSync(logs, { recursive: true });

  const directory = (name: string): string => join(options.data, name);
  const start = async (name: string, flags: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> => {
    signal.throwIfAborted();
    say(`Starting ${name} …`);
    const log = new BoundedLogFile(join(logs, `${name}.log`), LOG_BYTES_MAX);
    const part = new ChildPart({
      name,
      flags: ["--data", directory(name), ...flags],
      env: { ...environmentOfParts(), ...env },
      log,
      say,
    });
    started.push(part);
    const addresses = await part.start();
    return addresses.get(name === "gateway" ? "mqtt" : "http") ?? "";
  };

  const credentialsFile = join(directory("cloud"), "credentials");
  const endpoint = await start("cloud", ["--port", `${port}`, "--region", REGION]);
  const mqtt = await start(
    "gateway",
    ["--mqtt-port", `${mqttPort}`, "--allow-anonymous", "--create-streams", "--upstream", endpoint, "--region", REGION],
    { AWS_SHARED_CREDENTIALS_FILE: credentialsFile },
  );
  const config = join(options.data, "device.yaml");
  writeFileSync(config, deviceConfig(options.camera), { mode: 0o600 }); // an address may hold a password
  await start("device", ["--gateway", mqtt, "--config", config]);
  const ssh = sshFrom(process.env["SSH_CONNECTION"], userInfo().username);
  const { camera, data } = options;
  return { endpoint, mqtt, data, credentialsFile, region: REGION, camera, ssh };
}

/** JSON is YAML. */
function deviceConfig(camera: string | undefined): string {
  const cameras = camera === undefined ? [] : [{ stream: "camera", source: camera, ...PICTURE }];
  return `# Written anew by every npm start.\n${JSON.stringify({ cameras }, undefined, 2)}\n`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Ours without what would change how the parts are set up here: their settings, and somebody's AWS account. */
function environmentOfParts(): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(
    ([name]) => name === "HEADWATER_LOG_LEVEL" || !/^(HEADWATER|AWS)_/.test(name),
  );
  // Even without variables, AWS clients read ~/.aws/config.
  return { ...Object.fromEntries(ours), AWS_CONFIG_FILE: "/dev/null" };
}
