import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { countTokens } from "gpt-tokenizer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { callTool, mustCall } from "../../support/connect.ts";
import { sleepers } from "./sleepers.ts";
import { openScene, repository, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = openScene();
});
afterEach(() => scene.close());

describe("on any machine", () => {
  const backend = "unisolated";

  test("without a backend it says so with the fix, and nothing is left behind", async () => {
    const client = await scene.serve({
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
    const dir = repository(scene.project);
    const client = await scene.serve();
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
    expect(scene.verified(answers[2]?.["receipt"]).isolation).toBe("none");
  });

  test("opening the server touches nothing but its database", async () => {
    await scene.serve();
    expect(readdirSync(scene.home).filter((name) => !name.startsWith("sandbox.db"))).toEqual([]);
  });

  test("paths, commands and folders that cannot be right are refused", async () => {
    const client = await scene.serve();
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
    expect(await code("import_directory", { dir: join(scene.project, "missing") })).toBe("not_found");
    expect(await code("read_sandbox_file", { path: "missing" })).toBe("not_found");
    expect(await code("create_sandbox", { template: "x --privileged" })).toBe("invalid");
    expect(await code("create_sandbox", { network: { allow: ["registry.example"] } })).toBe("denied");
    expect(await code("create_sandbox", { services: [{ image: "postgres" }] })).toBe("unavailable");
  });

  test("a long output keeps head and tail within the budget, without control characters", async () => {
    const client = await scene.serve();
    const { id } = await mustCall(client, "create_sandbox", { backend });
    const script =
      'printf \'\\033[31mred\\033[0m\\007 start\\n\'; i=0; while [ $i -lt 3000 ]; do echo "line $i \\"quoted\\""; i=$((i+1)); done; echo the end; echo trouble >&2; exit 1';
    const answer = await mustCall(client, "run_command", { sandbox_id: id, script });
    expect(answer).toMatchObject({ outcome: "exited", exit_code: 1, truncated: true, stderr: "trouble\n" });
    expect(answer["stdout"]).toMatch(/^red start\nline 0 [\s\S]*cut[\s\S]*the end\n$/);
    expect(countTokens(JSON.stringify(answer))).toBeLessThanOrEqual(2_000);
  });

  test("files come back byte for byte, in parts, as text or base64", async () => {
    const client = await scene.serve();
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
    const dir = repository(scene.project);
    rmSync(join(dir, "escape"));
    const client = await scene.serve();
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
    const client = await scene.serve();
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
    await mustCall(client, "delete_sandbox", { sandbox_id: once["id"] });
    const ask = (): Promise<Record<string, unknown>> =>
      mustCall(client, "create_sandbox", { backend, idempotency_key: "at once" });
    const [one, other] = await Promise.all([ask(), ask()]);
    expect(one).toEqual(other);
    const { sandboxes } = await mustCall(client, "list_sandboxes", {});
    expect(sandboxes).toHaveLength(15);
  });

  test("the largest answers still reach the caller", async () => {
    const client = await scene.serve();
    const { id } = await mustCall(client, "create_sandbox", { backend });
    const script =
      'i=0; while [ $i -lt 20000 ]; do echo "$i \\"é\\" 😀"; i=$((i+1)); done | tee big >&2; cat big; mkdir .claude; i=0; while [ $i -lt 300 ]; do echo x > .claude/$i; i=$((i+1)); done';
    const max_tokens = 20_000;
    const ran = await mustCall(client, "run_command", { sandbox_id: id, script, max_tokens });
    expect(ran).toMatchObject({ outcome: "exited", exit_code: 0, truncated: true });
    expect(await mustCall(client, "export_changes", { sandbox_id: id, max_tokens })).toMatchObject({
      truncated: true,
      files_count: 301,
    });
    expect(
      await mustCall(client, "read_sandbox_file", { sandbox_id: id, path: "big", max_tokens }),
    ).toHaveProperty("next_offset");
    const background = await mustCall(client, "run_command", {
      sandbox_id: id,
      script: "cat big; sleep 30",
      background: true,
    });
    await expect
      .poll(
        async () =>
          (await mustCall(client, "read_job", { job_id: background["job_id"], wait_ms: 100, max_tokens }))[
            "truncated"
          ],
      )
      .toBe(true);
  });

  test("what an earlier process left behind is cleared away", async () => {
    mkdirSync(join(scene.home, "sandboxes", "sbx_lost", "workspace"), { recursive: true });
    const client = await scene.serve();
    await mustCall(client, "create_sandbox", { backend });
    expect(readdirSync(join(scene.home, "sandboxes"))).not.toContain("sbx_lost");
  });

  test("a workspace is listed and searched in pages; one that is written to is not copied", async () => {
    const client = await scene.serve();
    const { id } = await mustCall(client, "create_sandbox", { backend });
    await mustCall(client, "run_command", {
      sandbox_id: id,
      script:
        "mkdir -p d/node_modules; i=100; while [ $i -lt 400 ]; do echo needle $i > d/$i; i=$((i+1)); done; cp d/100 d/node_modules/x",
    });
    const all = async (name: string, list: string, args: object): Promise<readonly unknown[]> => {
      const items: unknown[] = [];
      for (let cursor: unknown; ;) {
        const page = await mustCall(client, name, {
          sandbox_id: id,
          ...args,
          ...(cursor === undefined ? {} : { cursor }),
        });
        expect(countTokens(JSON.stringify(page))).toBeLessThanOrEqual(2_000);
        items.push(...(Array.isArray(page[list]) ? page[list] : []));
        cursor = page["next_cursor"];
        if (cursor === undefined) return items;
      }
    };
    const listed = await all("list_sandbox_files", "files", { path: "d", depth: 1 });
    expect(listed).toHaveLength(301);
    expect(listed[0]).toEqual({ path: "d/100", type: "file", size_bytes: 11 });
    const found = await all("search_sandbox_files", "matches", { pattern: "need+le [1-3]" });
    expect(found).toHaveLength(300);
    expect(found.at(-1)).toEqual({ path: "d/399", line: 1, text: "needle 399" });

    const running = await mustCall(client, "run_command", {
      sandbox_id: id,
      argv: ["sleep", "600"],
      background: true,
    });
    expect(await callTool(client, "snapshot_sandbox", { sandbox_id: id })).toMatchObject({
      ok: false,
      error: { code: "invalid_state", retryable: true },
    });
    await mustCall(client, "cancel_job", { job_id: running["job_id"] });
    await mustCall(client, "snapshot_sandbox", { sandbox_id: id });
  });

  test("a cancelled call ends its command", async () => {
    const client = await scene.serve();
    const { id } = await mustCall(client, "create_sandbox", { backend });
    const mark = `9${Math.floor(Math.random() * 1e8)}`;
    const caller = new AbortController();
    const call = client.callTool(
      { name: "run_command", arguments: { sandbox_id: id, argv: ["sleep", mark] } },
      { signal: caller.signal },
    );
    const outcome = call.then(
      () => "answered",
      () => "refused",
    );
    await expect.poll(() => sleepers(mark).length, { timeout: 5_000 }).toBe(1);
    caller.abort();
    expect(await outcome).toBe("refused");
    await expect.poll(() => sleepers(mark)).toEqual([]);
  });
});
