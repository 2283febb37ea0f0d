import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { countTokens } from "gpt-tokenizer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLog } from "../../../kernel/log.ts";
import { isReceiptFor, receiptKey, verifyReceipt, type Receipt } from "../../../kernel/receipts.ts";
import { openSandbox } from "../../../servers/sandbox/main.ts";
import { callTool, connect, mustCall } from "../../support/connect.ts";
import { candidates } from "./backends.ts";

const folders: string[] = [];
const closers: (() => Promise<void>)[] = [];

function folder(name: string): string {
  const made = mkdtempSync(join(tmpdir(), `slipway-${name}-`));
  folders.push(made);
  return made;
}

/** One server process's worth: opened on a home, with one client. */
async function serve(home: string, project: string, env: Record<string, string> = {}): Promise<Client> {
  const server = await openSandbox({
    home,
    cwd: project,
    env: {
      PATH: process.env["PATH"],
      DOCKER_HOST: process.env["DOCKER_HOST"],
      SLIPWAY_ALLOW_UNISOLATED: "1",
      ...env,
    },
    log: silentLog,
  });
  const connection = await connect(server);
  closers.push(async () => {
    await connection.close();
    await server.close();
  });
  return connection.client;
}

let home: string;
let project: string;
beforeEach(() => {
  home = folder("home");
  project = folder("project");
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

function verified(token: unknown): Receipt {
  const checked = verifyReceipt(String(token), receiptKey(home));
  if (!checked.ok) throw new Error(checked.reason);
  return checked.receipt;
}

function repository(): string {
  const dir = join(project, "repo");
  mkdirSync(join(dir, "src"), { recursive: true });
  writeFileSync(join(dir, "package.json"), "{}\n");
  writeFileSync(join(dir, "src", "sum.js"), "export const sum = (a, b) => a - b;\n");
  writeFileSync(join(dir, "run.sh"), "#!/bin/sh\necho hi\n");
  chmodSync(join(dir, "run.sh"), 0o755);
  writeFileSync(join(dir, "old.bin"), Uint8Array.of(0, 1, 2, 3));
  writeFileSync(join(dir, ".gitignore"), "dist/\n");
  symlinkSync("src/sum.js", join(dir, "link"));
  symlinkSync("/etc/passwd", join(dir, "escape"));
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  execFileSync("git", ["init", "--quiet", dir], { env });
  return dir;
}

for (const { name: backend, need } of await candidates()) {
  describe.skipIf(need.skip)(`the life of a sandbox on ${backend}${need.label}`, () => {
    test("from a project in to a patch out", async () => {
      const dir = repository();
      const client = await serve(home, project);
      const made = await mustCall(client, "create_sandbox", {
        backend,
        ttl_s: 300,
        limits: { memory_mb: 256, disk_mb: 64 },
      });
      expect(made).toMatchObject({
        backend,
        guarantees: { network: backend === "unisolated" ? "none" : "enforced" },
      });
      const id = String(made["id"]);

      const imported = await mustCall(client, "import_directory", { sandbox_id: id, dir });
      expect(imported).toMatchObject({ files: 6, skipped: [{ path: "escape" }], skipped_count: 1 });

      const first = await mustCall(client, "run_command", { sandbox_id: id, argv: ["cat", "src/sum.js"] });
      expect(first).toMatchObject({
        outcome: "exited",
        exit_code: 0,
        stdout: "export const sum = (a, b) => a - b;\n",
        stderr: "",
        truncated: false,
      });
      expect(verified(first["receipt"])).toMatchObject({
        sandbox_id: id,
        backend,
        tree_digest: imported["tree_digest"],
        commands_before: 0,
        outcome: "exited",
        exit_code: 0,
      });

      const script =
        "sed -i 's/a - b/a + b/' src/sum.js; rm old.bin; chmod 755 package.json; mkdir -p dist .git/hooks .claude node_modules/x; echo x > dist/o; echo x > .git/hooks/pre-commit; echo '{}' > .claude/settings.json; echo x > node_modules/x/i.js; printf '\\377\\000' > new.bin";
      const second = await mustCall(client, "run_command", { sandbox_id: id, script });
      expect(second).toMatchObject({ outcome: "exited", exit_code: 0 });
      expect(verified(second["receipt"])).toMatchObject({ commands_before: 1 });
      expect(isReceiptFor(verified(second["receipt"]), { script })).toBe(true);

      const exported = await mustCall(client, "export_changes", { sandbox_id: id, max_tokens: 4_000 });
      expect(exported).toMatchObject({
        files: [
          { path: ".claude/settings.json", status: "added", added: 1, removed: 0 },
          { path: "new.bin", status: "added" },
          { path: "old.bin", status: "deleted" },
          { path: "package.json", status: "modified" },
          { path: "src/sum.js", status: "modified", added: 1, removed: 1 },
        ],
        flagged: [{ path: ".claude/settings.json" }, { path: ".git" }],
        ignored_count: 1,
        truncated: false,
      });
      rmSync(join(dir, "escape"));
      execFileSync("git", ["-C", dir, "apply"], { input: String(exported["patch"]) });
      expect(readFileSync(join(dir, "src", "sum.js"), "utf8")).toBe("export const sum = (a, b) => a + b;\n");
      expect([...readFileSync(join(dir, "new.bin"))]).toEqual([255, 0]);
      expect(existsSync(join(dir, "old.bin"))).toBe(false);

      expect(await mustCall(client, "delete_sandbox", { sandbox_id: id })).toEqual({ deleted: true });
      expect(await mustCall(client, "delete_sandbox", { sandbox_id: id })).toEqual({ deleted: false });
      expect(await callTool(client, "run_command", { sandbox_id: id, script: "true" })).toMatchObject({
        ok: false,
        error: { code: "not_found" },
      });
      expect(readdirSync(join(home, "sandboxes"))).toEqual([]);
    });

    test("a long command becomes a job that can be read and cancelled; deleting ends what runs", async () => {
      const client = await serve(home, project);
      const { id } = await mustCall(client, "create_sandbox", { backend });
      const running = await mustCall(client, "run_command", {
        sandbox_id: id,
        script: "echo first; sleep 1; echo last",
        wait_ms: 300,
      });
      expect(running).toMatchObject({ outcome: "running", status: "working" });
      const working = await mustCall(client, "read_job", { job_id: running["job_id"], wait_ms: 0 });
      expect(working).toMatchObject({ status: "working", output: "first\n" });
      expect(await mustCall(client, "read_job", { job_id: running["job_id"] })).toMatchObject({
        status: "completed",
        outcome: "exited",
        exit_code: 0,
        stdout: "first\nlast\n",
      });

      const server = await mustCall(client, "run_command", {
        sandbox_id: id,
        argv: ["sleep", "600"],
        timeout_s: 900,
        background: true,
      });
      expect(await mustCall(client, "cancel_job", { job_id: server["job_id"] })).toMatchObject({
        status: "cancelled",
        outcome: "cancelled",
      });

      const last = await mustCall(client, "run_command", {
        sandbox_id: id,
        argv: ["sleep", "600"],
        timeout_s: 900,
        background: true,
      });
      await mustCall(client, "delete_sandbox", { sandbox_id: id });
      expect(await mustCall(client, "read_job", { job_id: last["job_id"], wait_ms: 10_000 })).toMatchObject({
        status: "completed",
        outcome: "sandbox_dead",
      });
    });

    test("another server on the same home uses and deletes the sandbox", async () => {
      const one = await serve(home, project);
      const two = await serve(home, project);
      const { id } = await mustCall(one, "create_sandbox", {
        backend,
        name: "shared",
        files: [{ path: "a.txt", text: "from one" }],
      });
      expect(await callTool(two, "create_sandbox", { backend, name: "shared" })).toMatchObject({
        ok: false,
        error: { code: "conflict" },
      });
      expect(await mustCall(two, "list_sandboxes", {})).toMatchObject({
        sandboxes: [{ id, name: "shared", backend, status: "ready" }],
      });
      expect(await mustCall(two, "read_sandbox_file", { sandbox_id: id, path: "a.txt" })).toMatchObject({
        text: "from one",
      });
      expect(
        verified((await mustCall(two, "run_command", { sandbox_id: id, script: "true" }))["receipt"]),
      ).toMatchObject({ sandbox_id: id });
      expect(await mustCall(two, "delete_sandbox", { sandbox_id: id })).toEqual({ deleted: true });
      expect(await mustCall(one, "list_sandboxes", {})).toEqual({ sandboxes: [] });
    });
  });
}

describe("on any machine", () => {
  const backend = "unisolated";

  test("without a backend it says so with the fix, and nothing is left behind", async () => {
    const client = await serve(home, project, {
      DOCKER_HOST: "unix:///nowhere/docker.sock",
      SLIPWAY_ALLOW_UNISOLATED: "",
    });
    const refused = await callTool(client, "create_sandbox", { backend: "docker" });
    expect(refused).toMatchObject({ ok: false, error: { code: "unavailable", retryable: false } });
    expect(JSON.stringify(refused)).toMatch(/no Docker daemon answers.*install docker\.io/);
    expect(await callTool(client, "create_sandbox", { backend: "unisolated" })).toMatchObject({
      ok: false,
      error: { code: "denied" },
    });
    expect(await mustCall(client, "list_sandboxes", {})).toEqual({ sandboxes: [] });
  });

  test("an unisolated sandbox says so in every answer", async () => {
    const dir = repository();
    const client = await serve(home, project);
    const made = await mustCall(client, "create_sandbox", { backend });
    expect(new Set(Object.values(made["guarantees"] ?? {}))).toEqual(new Set(["none"]));
    const id = made["id"];
    const answers = [
      made,
      await mustCall(client, "import_directory", { sandbox_id: id, dir }),
      await mustCall(client, "run_command", { sandbox_id: id, script: "true" }),
      await mustCall(client, "write_sandbox_files", { sandbox_id: id, files: [{ path: "x", text: "" }] }),
      await mustCall(client, "read_sandbox_file", { sandbox_id: id, path: "x" }),
      await mustCall(client, "export_changes", { sandbox_id: id }),
    ];
    for (const answer of answers) expect(answer["isolation"]).toBe("none");
    expect(verified(answers[2]?.["receipt"]).isolation).toBe("none");
  });

  test("opening the server touches nothing but its database", async () => {
    await serve(home, project);
    expect(readdirSync(home).filter((name) => !name.startsWith("sandbox.db"))).toEqual([]);
  });

  test("paths, commands and folders that cannot be right are refused", async () => {
    const client = await serve(home, project);
    const { id } = await mustCall(client, "create_sandbox", { backend });
    const code = async (name: string, args: Record<string, unknown>): Promise<unknown> => {
      const answer = await callTool(client, name, { sandbox_id: id, ...args });
      return answer.ok ? "ok" : answer.error["code"];
    };
    for (const path of [
      "../x",
      "/etc/passwd",
      "a/../../x",
      "",
      "C:\\x",
      "a\0b",
      ".",
      "a\nb",
      "x".repeat(5_000),
    ]) {
      expect([path, await code("write_sandbox_files", { files: [{ path, text: "" }] })]).toEqual([
        path,
        "invalid",
      ]);
      expect([path, await code("read_sandbox_file", { path })]).toEqual([path, "invalid"]);
    }
    expect(await code("write_sandbox_files", { files: [{ path: "a", text: "", base64: "" }] })).toBe(
      "invalid",
    );
    expect(await code("write_sandbox_files", { files: [{ path: "a", base64: "%%" }] })).toBe("invalid");
    expect(
      await code("write_sandbox_files", {
        files: [
          { path: "a", text: "1" },
          { path: "./a", text: "2" },
        ],
      }),
    ).toBe("invalid");
    expect(await code("run_command", {})).toBe("invalid");
    expect(await code("run_command", { argv: ["true"], script: "true" })).toBe("invalid");
    expect(await code("run_command", { argv: ["true"], cwd: "../.." })).toBe("invalid");
    expect(await code("run_command", { argv: ["true"], cwd: "/proc/self/fd/3" })).toBe("invalid");
    expect(await code("run_command", { script: "x".repeat(200_000) })).toBe("limit");
    expect(await code("import_directory", { dir: "/etc" })).toBe("denied");
    expect(await code("import_directory", { dir: join(project, "missing") })).toBe("not_found");
    expect(await code("read_sandbox_file", { path: "missing" })).toBe("not_found");
    expect(await code("create_sandbox", { template: "x --privileged" })).toBe("invalid");
    expect(await code("create_sandbox", { network: { allow: ["registry.example"] } })).toBe("unavailable");
  });

  test("a long output keeps head and tail within the budget, without control characters", async () => {
    const client = await serve(home, project);
    const { id } = await mustCall(client, "create_sandbox", { backend });
    const script =
      'printf \'\\033[31mred\\033[0m\\007 start\\n\'; i=0; while [ $i -lt 3000 ]; do echo "line $i \\"quoted\\""; i=$((i+1)); done; echo the end; echo trouble >&2; exit 1';
    const answer = await mustCall(client, "run_command", { sandbox_id: id, script });
    expect(answer).toMatchObject({ outcome: "exited", exit_code: 1, truncated: true, stderr: "trouble\n" });
    expect(answer["stdout"]).toMatch(/^red start\nline 0 [\s\S]*cut[\s\S]*the end\n$/);
    expect(countTokens(JSON.stringify(answer))).toBeLessThanOrEqual(2_000);
  });

  test("files come back byte for byte, in parts, as text or base64", async () => {
    const client = await serve(home, project);
    const { id } = await mustCall(client, "create_sandbox", { backend });
    const text = `\ufeffline\r\n${'é€😀 "x"\n'.repeat(2_000)}`;
    const bytes = Buffer.from(Array.from({ length: 9_000 }, (_, index) => (index * 31) % 256));
    await mustCall(client, "write_sandbox_files", {
      sandbox_id: id,
      files: [
        { path: "text", text },
        { path: "bytes", base64: bytes.toString("base64") },
        { path: "empty", text: "" },
      ],
    });
    const readAll = async (path: string): Promise<Buffer> => {
      const parts: Buffer[] = [];
      for (let offset: unknown = 0; offset !== undefined;) {
        const part = await mustCall(client, "read_sandbox_file", { sandbox_id: id, path, offset });
        expect(countTokens(JSON.stringify(part))).toBeLessThanOrEqual(2_400);
        parts.push(
          part["text"] === undefined
            ? Buffer.from(String(part["base64"]), "base64")
            : Buffer.from(String(part["text"])),
        );
        offset = part["next_offset"];
      }
      return Buffer.concat(parts);
    };
    expect((await readAll("text")).equals(Buffer.from(text))).toBe(true);
    expect((await readAll("bytes")).equals(bytes)).toBe(true);
    expect(await readAll("empty")).toHaveLength(0);
  });

  test("a long patch comes in parts that join to one git applies", async () => {
    const dir = repository();
    rmSync(join(dir, "escape"));
    const client = await serve(home, project);
    const { id } = await mustCall(client, "create_sandbox", { backend, from_dir: dir });
    await mustCall(client, "run_command", {
      sandbox_id: id,
      script: 'i=0; while [ $i -lt 2000 ]; do echo "é $i"; i=$((i+1)); done > big.txt',
    });
    let patch = "";
    const hashes = new Set<unknown>();
    for (let offset: unknown = 0; offset !== undefined;) {
      const part = await mustCall(client, "export_changes", { sandbox_id: id, offset, max_tokens: 3_000 });
      patch += String(part["patch"]);
      hashes.add(part["patch_sha256"]);
      offset = part["next_offset"];
    }
    expect(hashes.size).toBe(1);
    execFileSync("git", ["-C", dir, "apply"], { input: patch });
    expect(readFileSync(join(dir, "big.txt"), "utf8").split("\n")).toHaveLength(2_001);
  });

  test("the quota holds, names are unique, and one key makes one sandbox", async () => {
    const client = await serve(home, project);
    const all = await Promise.all(
      Array.from({ length: 20 }, () => callTool(client, "create_sandbox", { backend })),
    );
    expect(all.filter((answer) => answer.ok)).toHaveLength(16);
    for (const answer of all) if (!answer.ok) expect(answer.error["code"]).toBe("limit");
    const [first, second] = all.flatMap((answer) => (answer.ok ? [answer.value["id"]] : []));
    await mustCall(client, "delete_sandbox", { sandbox_id: first });
    await mustCall(client, "delete_sandbox", { sandbox_id: second });
    const once = await mustCall(client, "create_sandbox", { backend, idempotency_key: "k" });
    expect(await mustCall(client, "create_sandbox", { backend, idempotency_key: "k" })).toEqual(once);
    const runs = await Promise.all(
      [1, 2].map(() =>
        mustCall(client, "run_command", {
          sandbox_id: once["id"],
          script: "echo x >> log",
          idempotency_key: "r",
        }),
      ),
    );
    expect(runs).toHaveLength(2);
  });

  test("what an earlier process left behind is cleared away", async () => {
    mkdirSync(join(home, "sandboxes", "sbx_lost", "workspace"), { recursive: true });
    const client = await serve(home, project);
    await mustCall(client, "create_sandbox", { backend });
    expect(readdirSync(join(home, "sandboxes"))).not.toContain("sbx_lost");
  });

  test("a cancelled call ends its command", async () => {
    const client = await serve(home, project);
    const { id } = await mustCall(client, "create_sandbox", { backend });
    const mark = `9${Math.floor(Math.random() * 1e8)}`;
    const caller = new AbortController();
    setTimeout(() => caller.abort(), 300);
    await expect(
      client.callTool(
        { name: "run_command", arguments: { sandbox_id: id, argv: ["sleep", mark] } },
        { signal: caller.signal },
      ),
    ).rejects.toThrow();
    await expect
      .poll(() => execFileSync("ps", ["axo", "args"], { encoding: "utf8" }).includes(`sleep ${mark}`))
      .toBe(false);
  });

  test("the tool list fits its budget", async () => {
    const client = await serve(home, project);
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name).sort()).toEqual([
      "cancel_job",
      "create_sandbox",
      "delete_sandbox",
      "export_changes",
      "import_directory",
      "list_sandboxes",
      "read_job",
      "read_sandbox_file",
      "run_command",
      "write_sandbox_files",
    ]);
    expect(countTokens(JSON.stringify(tools))).toBeLessThanOrEqual(3_000);
  });
});
