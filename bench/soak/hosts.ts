import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SERVED, temporaryFolder, type Served } from "../../test/support/all-servers.ts";
import { gitPlayground } from "../../test/support/git-repository.ts";
import { MAIN, startHttpProcess } from "../../test/support/served-process.ts";
import { runProgram } from "../../tools/packages.ts";
import { markdownTable } from "../machine.ts";
import { codexLoop } from "./codex.ts";

const CONFORMANCE = "@modelcontextprotocol/conformance@0.2.0-alpha.12";
const CODEX = "@openai/codex@0.169.0";
const INSPECTOR = "@modelcontextprotocol/inspector@2.12.0";

/**
 * The scenarios that say something about a server of its own. The others call tools, prompts and resources of the
 * suite's fixture by name, or ask for what Slipway does not offer (logging, sampling, the tasks extension).
 */
const APPLICABLE: Readonly<Record<string, readonly string[]>> = {
  "2026-07-28": [
    "tools-list",
    "server-sse-multiple-streams",
    "resources-list",
    "sep-2164-resource-not-found",
    "prompts-list",
    "dns-rebinding-protection",
    "caching",
    "input-required-result-missing-input-response",
    "input-required-result-unsupported-methods",
    "input-required-result-ignore-extra-params",
    "input-required-result-validate-input",
    "http-header-validation",
  ],
  "2025-11-25": [
    "server-initialize",
    "ping",
    "tools-list",
    "server-sse-multiple-streams",
    "resources-list",
    "prompts-list",
    "dns-rebinding-protection",
  ],
};

/** The four checks of server-stateless that call tools of the fixture. */
const STATELESS_BY_FIXTURE = 4;

/** Servers without prompts do not answer prompts/list, which the protocol allows. */
const WITHOUT_PROMPTS: readonly Served[] = ["memory", "sandbox", "git"];

/** Of the checks of caching, one asks for prompts/list. */
function excused(name: Served, scenario: string): number {
  return scenario === "caching" && WITHOUT_PROMPTS.includes(name) ? 1 : 0;
}

const PARTS = ["conformance", "inspector", "codex"] as const;

/** Other people's programs against our servers: the conformance suite over HTTP, the Inspector and Codex over stdio. */
export async function soakHosts(argv: readonly string[]): Promise<string> {
  const { values } = parseArgs({ args: [...argv], options: { only: { type: "string" } } });
  const folder = mkdtempSync(join(tmpdir(), "slipway-hosts-"));
  try {
    writeFileSync(join(folder, "package.json"), "{}\n");
    const parts = PARTS.filter((part) => values.only === undefined || values.only.split(",").includes(part));
    const pages = [];
    for (const part of parts) pages.push(await RUN[part](folder));
    return pages.join("\n\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const RUN: Readonly<Record<(typeof PARTS)[number], (folder: string) => Promise<string>>> = {
  conformance,
  inspector,
  codex,
};

async function codex(folder: string): Promise<string> {
  const given = process.env["SLIPWAY_TEST_CODEX"];
  if (given !== undefined) return codexLoop(given);
  await install(folder, CODEX);
  // The launcher of the package only looks for this program.
  const vendor = "node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex";
  return `${CODEX}. ${await codexLoop(join(folder, vendor))}`;
}

async function install(folder: string, spec: string): Promise<void> {
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { code, output } = await runProgram(["npm", "install", ...quiet, spec], { cwd: folder });
  if (code !== 0) throw new Error(`${spec} could not be installed:\n${output}`);
}

async function conformance(folder: string): Promise<string> {
  await install(folder, CONFORMANCE);
  const rows: (readonly string[])[] = [];
  const failures: string[] = [];
  for (const name of SERVED) {
    const home = temporaryFolder("conformance");
    const server = await startHttpProcess(name, home.path);
    const proxy = await withToken(server.url, server.token);
    for (const [requirements, scenarios] of Object.entries(APPLICABLE)) {
      const wanted = scenarios.filter(
        (scenario) => scenario !== "prompts-list" || !WITHOUT_PROMPTS.includes(name),
      );
      const { output } = await runProgram(
        ["npx", "conformance", "server", "--url", proxy.url, "--requirements", requirements],
        { cwd: folder },
      );
      const results = summaryOf(output);
      const passed = wanted.filter(
        (scenario) => (results.get(scenario)?.failed ?? 1) <= excused(name, scenario),
      );
      for (const scenario of wanted.filter((each) => !passed.includes(each)))
        failures.push(`${name}, ${requirements}: ${scenario}`);
      const stateless = results.get("server-stateless");
      if (stateless !== undefined && stateless.failed > STATELESS_BY_FIXTURE)
        failures.push(`${name}, ${requirements}: server-stateless`);
      const shown =
        stateless === undefined ? "-" : `${stateless.passed} of ${stateless.passed + stateless.failed}`;
      rows.push([name, requirements, `${passed.length} of ${wanted.length}`, shown]);
      process.stderr.write(`${name} ${requirements}: ${passed.length} of ${wanted.length}\n`);
    }
    await proxy.close();
    await server.close();
    home.dispose();
  }
  if (failures.length > 0) throw new Error(`fails: ${failures.join("; ")}`);
  return [
    `${CONFORMANCE}: every applicable scenario passes. ${STATELESS_BY_FIXTURE} checks of server-stateless call the suite's own fixture.`,
    "",
    markdownTable(["server", "requirements", "applicable scenarios", "server-stateless"], rows),
  ].join("\n");
}

/** The lines `✓ name: 2 passed, 0 failed` of the suite's summary. */
function summaryOf(
  output: string,
): ReadonlyMap<string, { readonly passed: number; readonly failed: number }> {
  return new Map(
    [...output.matchAll(/^[✓✗] ([\w-]+): (\d+) passed, (\d+) failed$/gm)].map(
      ([, name = "", passed, failed]) => [name, { passed: Number(passed), failed: Number(failed) }],
    ),
  );
}

/** The suite sends no token: this stands between and adds it, everything else passes as it came. */
async function withToken(
  url: string,
  token: string,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const target = new URL(url);
  const server: Server = createServer((incoming, response) => {
    const outgoing = request(
      {
        host: target.hostname,
        port: target.port,
        path: incoming.url,
        method: incoming.method,
        headers: { ...incoming.headers, authorization: `Bearer ${token}` },
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A tool of each server that reads and needs nothing. */
const A_CALL: Readonly<Record<Served, string>> = {
  memory: "get_memory_stats",
  tasks: "list_tasks",
  sandbox: "list_sandboxes",
  git: "list_worktrees",
  decision: "list_escalations",
  all: "list_tasks",
};

async function inspector(folder: string): Promise<string> {
  await install(folder, INSPECTOR);
  const ground = gitPlayground();
  ground.repository(ground.app);
  const rows: (readonly string[])[] = [];
  for (const name of SERVED) {
    const home = temporaryFolder("inspector");
    const repo = name === "git" ? ["--tool-arg", `repo=${ground.app}`] : [];
    const ask = (...method: readonly string[]) =>
      runProgram(
        [
          "npx",
          "mcp-inspector",
          "--cli",
          process.execPath,
          MAIN,
          "serve",
          name,
          "--home",
          home.path,
          "--root",
          ground.app,
          ...method,
        ],
        { cwd: folder },
      );
    const listed = await ask("--method", "tools/list");
    const called = await ask("--method", "tools/call", "--tool-name", A_CALL[name], ...repo);
    const count = (listed.output.match(/"inputSchema":/g) ?? []).length;
    if (count === 0 || called.code !== 0 || !called.output.includes('"structuredContent"'))
      throw new Error(
        `the inspector and ${name}: ${count} tools listed, ${A_CALL[name]} said ${called.output.slice(-500)}`,
      );
    rows.push([name, String(count), `${A_CALL[name]} answered`]);
    process.stderr.write(`${name}: ${count} tools\n`);
    home.dispose();
  }
  ground.dispose();
  return `${INSPECTOR}, CLI mode over stdio.\n\n${markdownTable(["server", "tools listed", "a call"], rows)}`;
}
