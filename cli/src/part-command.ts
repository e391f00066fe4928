import { Command } from "commander";
import type { Part } from "./part.js";
import { commonSettings, runPart } from "./run/run-part.js";
import { fieldsOf, waysToGive, type Field } from "./settings/field.js";
import { addFlags, flagsGiven } from "./settings/flags.js";
import { readSettings, type Sources } from "./settings/read-settings.js";
import { SettingsError } from "./settings/settings-error.js";
import type { YamlFile } from "./settings/yaml-file.js";

/** What the command reads of the outside world. */
export interface World {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readFile(path: string, encoding: "utf8"): Promise<string>;
}

/** `headwater <part> …`: a verb of the part, or the part itself until it is told to stop. */
export async function partCommand(part: Part, argv: readonly string[], world: World): Promise<void> {
  const command = commandOf(part);
  const [first = ""] = argv;
  for (const [name, verb] of Object.entries(part.verbs ?? {})) {
    const sub = command.command(name).description(verb.summary).exitOverride();
    sub.action(() => verb.run({ stdin: process.stdin, stdout: process.stdout, stderr: process.stderr }));
    if (name === first) {
      await command.parseAsync([...argv], { from: "user" });
      return;
    }
  }

  command.action(() => undefined).parse([...argv], { from: "user" });
  let settings: readonly unknown[];
  try {
    const sources = await sourcesOf(part, command, world);
    settings = readSettings([part.settings, commonSettings], sources);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const count = error.problems.length === 1 ? "a setting is" : `${error.problems.length} settings are`;
    const lines = error.message.replaceAll(/^/gm, "  ");
    process.stderr.write(`headwater ${part.name}: ${count} wrong (--help lists them)\n${lines}\n`);
    process.exitCode = 2;
    return;
  }
  await runPart(part, settings[0], commonSettings.parse(settings[1]));
}

/** The command with its flags and its help. */
export function commandOf(part: Part): Command {
  const command = new Command(`headwater ${part.name}`)
    .description(part.summary)
    .usage("[flags]")
    .exitOverride()
    .helpCommand(false)
    .option("--config [file]", "YAML file of settings");
  const fields = fieldsOfPart(part);
  addFlags(command, fields);
  return command.addHelpText("after", () => `\n${otherWays(fields)}`);
}

/** The part's own settings, then those of every part. */
export function fieldsOfPart(part: Part): Field[] {
  return [...fieldsOf(part.settings), ...fieldsOf(commonSettings)];
}

function otherWays(fields: readonly Field[]): string {
  const withoutFlag = fields
    .filter((field) => !waysToGive(field).includes(field.flag))
    .flatMap((field) => [
      `  ${field.isSecret ? field.env : `${field.key}:`}  ${field.description}`,
      ...field.nested.map(({ key, description }) => `    ${key}:  ${description}`),
    ]);
  return [
    ...(withoutFlag.length > 0 ? ["By environment or YAML file only:", ...withoutFlag, ""] : []),
    "Flags beat the environment, which beats the file. In the file, keys are spelled mqttPort for --mqtt-port.",
  ].join("\n");
}

async function sourcesOf(part: Part, command: Command, world: World): Promise<Sources> {
  const { flags, problems } = flagsGiven(command, fieldsOfPart(part));
  const path: unknown = command.getOptionValue("config");
  let file: YamlFile | undefined;
  if (path === true) problems.push({ key: "--config", message: "needs the name of a file" });
  if (typeof path === "string") {
    const text = await world.readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === undefined) throw error;
      problems.push({ key: "--config", message: `cannot read ${path}: ${error.message}` });
    });
    // Its library takes a twelfth of the time that a start takes.
    if (text !== undefined) file = (await import("./settings/yaml-file.js")).parseYaml(path, text);
  }
  return { flags, environment: world.environment, file, problems };
}
