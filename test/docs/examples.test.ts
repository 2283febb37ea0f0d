import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { serveOverHttp } from "../../kernel/mcp/http.ts";
import { openServed } from "../support/all-servers.ts";

const root = join(import.meta.dirname, "../..");
const example = (name: string): string => readFileSync(join(root, "docs/examples", name), "utf8");
const folder = mkdtempSync(join(tmpdir(), "slipway-examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs an example as the program it is; outside the package its client is named by its place. */
async function run(name: string, env: Readonly<Record<string, string>>): Promise<unknown> {
  const file = join(folder, name);
  let code = example(name);
  for (const specifier of ["@modelcontextprotocol/client/stdio", "@modelcontextprotocol/client"])
    code = code.replace(
      JSON.stringify(specifier),
      JSON.stringify(fileURLToPath(import.meta.resolve(specifier))),
    );
  writeFileSync(file, code);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", file],
    {
      cwd: folder,
      env: { PATH: process.env["PATH"], HOME: folder, ...env },
    },
  );
  return JSON.parse(stdout);
}

const CLAIMED = { task: { title: "Write the parser", status: "running" }, claim: { attempt: 1 } };

test("a server as a process", async () => {
  const env = { SLIPWAY_TASKS: join(root, "bin/slipway-tasks"), SLIPWAY_HOME: join(folder, "one") };
  expect(await run("process.ts", env)).toMatchObject(CLAIMED);
});

test("a server over HTTP", async () => {
  const server = await openServed("tasks", join(folder, "two"));
  const tokens = [{ name: "example", secret: "s", scope: "work" as const }];
  const served = await serveOverHttp(server, { host: "127.0.0.1", port: 0, tokens });
  expect(await run("http.ts", { SLIPWAY_URL: served.url, SLIPWAY_TOKEN: "s" })).toMatchObject(CLAIMED);
  await served.close();
  await server.close();
});

test("a server inside the program is the example of the README, which another test runs", () => {
  expect(readFileSync(join(root, "README.md"), "utf8")).toContain(
    `\`\`\`ts\n${example("in-process.ts")}\`\`\``,
  );
});
