import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findCaptureProgram, findProgram } from "./find-program.js";

let directory: string;
let path: string;
let importer: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "programs-"));
  path = join(directory, "bin");
  importer = join(directory, "agent.js");
});
afterEach(() => rm(directory, { recursive: true }));

async function install(file: string, text = "", mode = 0o755): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

/** The npm package, as its set-up leaves it. */
const installStatic = (source: string): Promise<string> =>
  install(join(directory, "node_modules/ffmpeg-static/index.js"), source);

const found = (name: string): Promise<string> => findCaptureProgram(name, path, importer);

test("a name is looked for on PATH, a path is taken as it is", async () => {
  const program = await install(join(path, "ffmpeg"));
  expect(await findProgram("ffmpeg", `${directory}::${path}`)).toBe(program);
  expect(await findProgram(program, "")).toBe(program);
  expect(await findProgram("ffprobe", path)).toBeUndefined();
});

test("ffmpeg-static is used where PATH has no ffmpeg", async () => {
  const downloaded = await install(join(directory, "node_modules/ffmpeg-static/ffmpeg"));
  await installStatic(`module.exports = ${JSON.stringify(downloaded)};`);
  expect(await found("ffmpeg")).toBe(downloaded);
  const installed = await install(join(path, "ffmpeg"));
  expect(await found("ffmpeg")).toBe(installed);
});

test("a program that the operator names is not replaced by another", async () => {
  const downloaded = await install(join(directory, "node_modules/ffmpeg-static/ffmpeg"));
  await installStatic(`module.exports = ${JSON.stringify(downloaded)};`);
  for (const name of ["/opt/ffmpeg", "gst-launch-1.0"]) {
    await expect(found(name)).rejects.toMatchObject({
      fault: "program-missing",
      message: `${name} is not installed`,
    });
  }
});

test.each([
  ["nothing brought it", undefined],
  ["its download was skipped", "module.exports = '/nowhere/ffmpeg';"],
  ["it has none for this machine", "module.exports = null;"],
])("where %s, both ways to get ffmpeg are told", async (_name, source) => {
  if (source !== undefined) await installStatic(source);
  await expect(found("ffmpeg")).rejects.toMatchObject({
    name: "CaptureError",
    fault: "program-missing",
    message: expect.stringMatching(/apt-get install ffmpeg.*npm install ffmpeg-static/),
  });
});

test("a package that does not load says so", async () => {
  await installStatic("throw new Error('made for another Node');");
  await expect(found("ffmpeg")).rejects.toMatchObject({
    fault: "program-missing",
    message: expect.stringContaining("ffmpeg-static does not load"),
    cause: { message: "made for another Node" },
  });
});
