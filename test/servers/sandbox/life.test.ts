import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isReceiptFor } from "../../../kernel/receipts.ts";
import { openSandboxStore } from "../../../servers/sandbox/store/sqlite.ts";
import { callTool, mustCall } from "../../support/connect.ts";
import { candidates } from "./backends.ts";
import { openScene, repository, type Scene } from "./scene.ts";

let scene: Scene;
beforeEach(() => {
  scene = openScene();
});
afterEach(() => scene.close());

for (const { name: backend, need } of await candidates()) {
  describe.skipIf(need.skip)(`the life of a sandbox on ${backend}${need.label}`, () => {
    test("from a project in to a patch out", async () => {
      const dir = repository(scene.project);
      const client = await scene.serve();
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
      expect(scene.verified(first["receipt"])).toMatchObject({
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
      expect(scene.verified(second["receipt"])).toMatchObject({ commands_before: 1 });
      expect(isReceiptFor(scene.verified(second["receipt"]), { script })).toBe(true);

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
      expect(readdirSync(join(scene.home, "sandboxes"))).toEqual([]);
    });

    test("a long command becomes a job that can be read and cancelled; deleting ends what runs", async () => {
      const client = await scene.serve();
      const { id } = await mustCall(client, "create_sandbox", { backend });
      const running = await mustCall(client, "run_command", {
        sandbox_id: id,
        script: "echo first; until [ -e go ]; do sleep 0.1; done; echo last",
        wait_ms: 300,
      });
      expect(running).toMatchObject({ outcome: "running", status: "working" });
      const soFar = () => mustCall(client, "read_job", { job_id: running["job_id"], wait_ms: 0 });
      await expect.poll(soFar, { timeout: 60_000 }).toMatchObject({ status: "working", output: "first\n" });
      await mustCall(client, "write_sandbox_files", { sandbox_id: id, files: [{ path: "go", text: "" }] });
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
      expect(await mustCall(client, "read_job", { job_id: last["job_id"], wait_ms: 40_000 })).toMatchObject({
        status: "completed",
        outcome: "sandbox_dead",
      });
    });

    test("another server on the same home uses and deletes the sandbox", async () => {
      const one = await scene.serve();
      const two = await scene.serve();
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
        scene.verified((await mustCall(two, "run_command", { sandbox_id: id, script: "true" }))["receipt"]),
      ).toMatchObject({ sandbox_id: id });
      expect(await mustCall(two, "delete_sandbox", { sandbox_id: id })).toEqual({ deleted: true });
      expect(await mustCall(one, "list_sandboxes", {})).toEqual({ sandboxes: [] });
    });
  });
}

test("forks and snapshots start from the same files and go their own ways", async () => {
  const dir = repository(scene.project);
  rmSync(join(dir, "escape"));
  const client = await scene.serve();
  const { id } = await mustCall(client, "create_sandbox", { backend: "unisolated", from_dir: dir });
  await mustCall(client, "run_command", {
    sandbox_id: id,
    script: "echo one > made; chmod 700 made; ln -s /etc/passwd out; ln made twin",
  });
  const { snapshot_id } = await mustCall(client, "snapshot_sandbox", { sandbox_id: id });
  await mustCall(client, "run_command", { sandbox_id: id, script: "echo two > made" });
  const { sandboxes } = await mustCall(client, "fork_sandbox", { sandbox_id: id, count: 1 });
  const fork = Array.isArray(sandboxes) ? Object(sandboxes[0])["id"] : undefined;
  // What the source does from here on, the fork does not see.
  await mustCall(client, "run_command", { sandbox_id: id, script: "rm made" });
  const again = await mustCall(client, "create_sandbox", {
    backend: "unisolated",
    from_snapshot: snapshot_id,
  });
  const look = async (sandbox_id: unknown): Promise<Record<string, unknown>> =>
    mustCall(client, "run_command", {
      sandbox_id,
      script: "cat made twin; stat -c %a made; readlink out",
    });
  const [forked, restored] = [await look(fork), await look(again["id"])];
  expect([forked["stdout"], restored["stdout"]]).toEqual([
    "two\ntwo\n700\n/etc/passwd\n",
    "one\none\n700\n/etc/passwd\n",
  ]);
  // Commands ran before, if not in this sandbox: the receipt does not hide it.
  expect(scene.verified(restored["receipt"])).toMatchObject({ commands_before: 1 });
  expect(scene.verified(forked["receipt"])).toMatchObject({ commands_before: 2 });
  const exported = await mustCall(client, "export_changes", { sandbox_id: again["id"] });
  expect(exported["files"]).toMatchObject([
    { path: "made", status: "added" },
    { path: "twin", status: "added" },
  ]);
  expect(
    await callTool(client, "create_sandbox", { backend: "unisolated", from_snapshot: "snp_0" }),
  ).toMatchObject({
    ok: false,
    error: { code: "not_found" },
  });
  for (const sandbox_id of [id, fork, again["id"]]) await mustCall(client, "delete_sandbox", { sandbox_id });
  expect(readdirSync(join(scene.home, "sandboxes"))).toEqual([snapshot_id]);
});

test("the record tells what happened, in order and by whom", async () => {
  const client = await scene.serve();
  const { id } = await mustCall(client, "create_sandbox", { backend: "unisolated" });
  await mustCall(client, "run_command", { sandbox_id: id, script: "exit 3" });
  await mustCall(client, "delete_sandbox", { sandbox_id: id });
  const store = openSandboxStore(join(scene.home, "sandbox.db"), Date.now);
  const events = await store.events({ after: 0, limit: 10 });
  store.close();
  expect(events.map(({ type, subject, principal, data }) => ({ type, subject, principal, data }))).toEqual([
    {
      type: "sandbox.created",
      subject: id,
      principal: "local",
      data: expect.objectContaining({ backend: "unisolated", isolation: "none" }),
    },
    {
      type: "command.finished",
      subject: id,
      principal: "local",
      data: expect.objectContaining({ command: "exit 3", outcome: "exited", exit_code: 3 }),
    },
    {
      type: "sandbox.deleted",
      subject: id,
      principal: "local",
      data: { backend: "unisolated", commands: 1 },
    },
  ]);
});
