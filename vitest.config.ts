import { defineConfig } from "vitest/config";

// Tests read the packages' sources (the "source" export condition), so a unit test needs no build.
const resolve = { conditions: ["source"] };
const ssr = { resolve: { conditions: ["source", "node", "import", "default"] } };

/** A machine with other work to do must not fail a test that waits for something. */
const expectations = { poll: { timeout: 20_000 } };

/** `npm run test:full` runs the long tests, too. */
const isFull = process.env["HEADWATER_TEST_FULL"] === "1";

export default defineConfig({
  resolve,
  ssr,
  test: {
    // Every core, also where there are two: the default leaves one to an editor.
    maxWorkers: "100%",
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: "unit",
          expect: expectations,
          include: [
            "{protocol,log,device,gateway,cloud,client,cli,bench}/src/**/*.test.ts",
            "test/src/rules/**/*.test.ts",
          ],
          exclude: ["**/*.ffmpeg.test.ts", "**/node_modules/**"],
          testTimeout: 30_000,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: "system",
          expect: expectations,
          // What stands beside its unit and needs ffmpeg runs where system packages may be installed.
          include: ["test/src/**/*.test.ts", "{protocol,device,gateway,cloud}/src/**/*.ffmpeg.test.ts"],
          exclude: ["test/src/rules/**", "**/node_modules/**", ...(isFull ? [] : ["**/*.full.test.ts"])],
          // Each has servers, data and ports of its own, and spends most of its time waiting for them.
          testTimeout: 180_000,
          hookTimeout: 120_000,
          // Node 20 is old enough for the AWS SDK to say so in every test.
          env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" },
        },
      },
    ],
  },
});
