import { Command, Option } from "commander";
import { waysToGive, type Field } from "./field.js";
import { suggestion, type Problem } from "./settings-error.js";

/**
 * Adds a flag for each field. Commander only splits the words: values stay text, and unknown flags are collected by
 * {@link flagsGiven} instead of ending the command at the first.
 */
export function addFlags(command: Command, fields: readonly Field[]): void {
  command
    .allowUnknownOption()
    .allowExcessArguments()
    // An option's value is optional to commander, so that a missing one is reported with the other mistakes.
    .configureHelp({ optionTerm: (option) => option.flags.replace("[", "<").replace("]", ">") });
  for (const field of fields) {
    if (!waysToGive(field).includes(field.flag)) continue;
    if (field.kind !== "boolean") {
      const value = field.choices.length > 0 ? "one" : field.kind === "number" ? "number" : "text";
      command.addOption(new Option(`${field.flag} [${value}]`, describe(field)));
      continue;
    }
    // Both ways, so that a flag can also take back what the environment or the file says; help shows the useful one.
    const offByDefault = field.defaultValue !== true;
    command.addOption(new Option(field.flag, describe(field)).hideHelp(!offByDefault));
    command.addOption(new Option(opposite(field.flag), describe(field)).hideHelp(offByDefault));
  }
}

/** What the command line gave, by key, once commander has parsed it. */
export function flagsGiven(
  command: Command,
  fields: readonly Field[],
): { flags: Map<string, string | boolean>; problems: Problem[] } {
  const flags = new Map<string, string | boolean>();
  for (const field of fields) {
    // Commander drops `no-` from the name and answers false for it.
    const isNegative = field.flag.startsWith("--no-");
    const name = new Option(field.flag).attributeName();
    if (command.getOptionValueSource(name) !== "cli") continue;
    const value: unknown = command.getOptionValue(name);
    if (typeof value === "boolean") flags.set(field.key, field.kind === "boolean" && isNegative ? !value : value);
    else flags.set(field.key, String(value));
  }
  return { flags, problems: strangers(command, fields) };
}

/** Words that commander could not place. A plain word behind an unknown flag counts as its value. */
function strangers(command: Command, fields: readonly Field[]): Problem[] {
  const known = fields.filter((field) => waysToGive(field).includes(field.flag)).map((field) => field.flag);
  const problems: Problem[] = [];
  let afterUnknownFlag = false;
  for (const word of command.args) {
    const isFlag = word.startsWith("-");
    const name = word.split("=", 1)[0] ?? word;
    const flagless = fields.find((field) => field.flag === name);
    if (flagless !== undefined) problems.push({ key: name, message: `is no flag; ${otherWay(flagless)}` });
    else if (isFlag) problems.push({ key: name, message: `no such flag${suggestion(name, known)}` });
    else if (!afterUnknownFlag) problems.push({ key: word, message: "a word too many: settings are given as flags" });
    afterUnknownFlag = isFlag && !word.includes("=");
  }
  return problems;
}

function otherWay(field: Field): string {
  return ["give it as", ...waysToGive(field).map((way) => `${way} or`), `${field.key}: in the file`].join(" ");
}

function opposite(flag: string): string {
  return flag.startsWith("--no-") ? flag.replace("--no-", "--") : flag.replace("--", "--no-");
}

function describe(field: Field): string {
  const facts = [
    ...(field.choices.length > 0 ? [field.choices.join(" | ")] : []),
    ...(field.kind === "boolean" || field.defaultValue === undefined ? [] : [`default ${defaultText(field)}`]),
    ...(field.isRequired ? ["required"] : []),
    field.env,
  ];
  return `${field.description} (${facts.join(", ")})`;
}

function defaultText({ defaultValue }: Field): string {
  return typeof defaultValue === "string" ? defaultValue : JSON.stringify(defaultValue);
}
