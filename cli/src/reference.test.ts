import type { Command } from "commander";
import { format } from "prettier";
import { expect, test } from "vitest";
import type { Part } from "./part.js";
import { fieldsOfPart } from "./part-command.js";
import { loadReplayer, loadUsage, parts } from "./parts.js";
import { replayCommand } from "./replay-command.js";
import { waysToGive, type Field } from "./settings/field.js";
import { usageCommand } from "./usage-command.js";

test("docs/reference/cli.md holds every setting of every part (npx vitest run cli/src/reference.test.ts -u writes it)", async () => {
  const sections = await Promise.all(Object.values(parts).map(async (load) => section(await load())));
  const page = await format([HEAD, ...sections, await usageSection(), await replaySection()].join("\n"), {
    parser: "markdown",
    printWidth: 120,
  });
  await expect(page).toMatchFileSnapshot("../../docs/reference/cli.md");
});

const HEAD = `# The headwater command

Made from the schemas that check the settings, by a test that also keeps it true.

\`headwater cloud|gateway|device [flags]\` runs a part until SIGTERM or SIGINT; both end it in good order within 10 s.
A flag beats the environment, which beats the YAML file of \`--config FILE\`, which beats the default. Settings without
a flag can be given in the file or the environment only. A flag that switches something on has a counterpart that
switches it off (\`--no-…\`). An empty variable counts as not set.

| exit code | |
| --- | --- |
| 0 | stopped in good order |
| 1 | could not start, failed, or did not stop in time; standard error says why |
| 2 | settings are wrong: every mistake is listed with its key and where it was made |

Once it serves, a part prints one line on standard output, \`headwater <part> ready\` and its addresses as
\`name=address\`. Its log is JSON, one object a line, on standard error. \`GET /healthz\` answers 200 while all is well and
503 while it is not, with the details as JSON; \`GET /metrics\` answers in Prometheus's format. Gateway and device serve
both on their \`httpPort\`, on loopback only; the cloud on its \`port\`.

\`headwater --version\` prints the version.
`;

function section(part: Part): string {
  const verbs = Object.entries(part.verbs ?? {}).map(
    ([name, { summary }]) => `\`headwater ${part.name} ${name}\`: ${summary}.`,
  );
  const rows = fieldsOfPart(part).flatMap((field) => [field, ...nestedOf(field)].map(row));
  return [
    `## headwater ${part.name}`,
    "",
    part.summary,
    "",
    "| setting | flag, variable | default | |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
    ...verbs,
    "",
  ].join("\n");
}

async function usageSection(): Promise<string> {
  const { summary } = await loadUsage();
  return [
    "## headwater usage",
    "",
    `\`headwater usage\` ${summary}: [usage](usage.md).`,
    "",
    ...flagRows(usageCommand(await loadUsage())),
    "",
  ].join("\n");
}

async function replaySection(): Promise<string> {
  const { summary } = await loadReplayer();
  return [
    "## headwater replay",
    "",
    `\`headwater replay <from> <to>\` ${summary}, each key in order: [replay](../guide/consumers.md#replay).`,
    "Credentials are found as any AWS client finds them. It ends with 1 where it fails or is interrupted.",
    "",
    ...flagRows(replayCommand(await loadReplayer())),
    "",
  ].join("\n");
}

function flagRows({ options }: Command): string[] {
  const rows = options.map(({ flags, envVar, mandatory, description, defaultValue }) => {
    const ways = [flags, ...(envVar === undefined ? [] : [envVar])].map((way) => `\`${way}\``);
    const fallback = typeof defaultValue === "string" ? `\`${JSON.stringify(defaultValue)}\`` : "";
    return `| ${ways.join("<br>")} | ${mandatory ? "required" : fallback} | ${description} |`;
  });
  return ["| flag, variable | default | |", "| --- | --- | --- |", ...rows];
}

/** The keys of a setting that is an object, such as `hostSensor.intervalMs`. */
function nestedOf({ key, nested }: Field): Field[] {
  return nested.map((field) => ({ ...field, key: `${key}.${field.key}`, kind: "structured" }));
}

function row(field: Field): string {
  const ways = waysToGive(field).map((way) => `\`${way}\``);
  const fallback = field.defaultValue === undefined ? "" : `\`${JSON.stringify(field.defaultValue)}\``;
  const choices = field.choices.length > 0 ? ` (${field.choices.join(", ")})` : "";
  const cells = [
    `\`${field.key}\``,
    ways.join("<br>"),
    field.isRequired ? "required" : fallback,
    field.description + choices,
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
