import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, test } from "vitest";
import { silentLog } from "../../../kernel/log.ts";
import type { ToolServer } from "../../../kernel/mcp/server.ts";
import { openSandbox } from "../../../servers/sandbox/main.ts";
import { connect, mustCall } from "../../support/connect.ts";
import { candidates, nonce, openDocker } from "./backends.ts";
import { sleepers } from "./sleepers.ts";

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), "slipway-left-"));
  closers.push(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

const env = {
  PATH: process.env["PATH"],
  DOCKER_HOST: process.env["DOCKER_HOST"],
  SLIPWAY_ALLOW_UNISOLATED: "1",
};

async function serve(
  home: string,
): Promise<{ client: Awaited<ReturnType<typeof connect>>["client"]; server: ToolServer }> {
  const server = await openSandbox({ home, cwd: home, env, log: silentLog });
  const connection = await connect(server);
  closers.push(async () => {
    await connection.close();
    await server.close();
  });
  return { client: connection.client, server };
}

/** Another process that serves the home, makes a sandbox, starts a command in it, and tells its id. */
async function startElsewhere(
  home: string,
  backend: string,
  mark: string,
): Promise<{ id: string; kill(): Promise<void> }> {
  const script = join(home, "serve.mts");
  const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  writeFileSync(
    script,
    `import { openSandbox } from ${url("../../../servers/sandbox/main.ts")};
import { connect, mustCall } from ${url("../../support/connect.ts")};
const server = await openSandbox({ home: ${JSON.stringify(home)}, cwd: ${JSON.stringify(home)}, env: ${JSON.stringify(env)}, log: () => undefined });
const { client } = await connect(server);
const { id } = await mustCall(client, "create_sandbox", { backend: ${JSON.stringify(backend)} });
await mustCall(client, "run_command", { sandbox_id: id, argv: ["sleep", ${JSON.stringify(mark)}], timeout_s: 900, background: true });
console.log(id);
setInterval(() => undefined, 1000);`,
  );
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  closers.push(() => void child.kill("SIGKILL"));
  const id = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("\n")) resolve(text.trim());
    });
    child.once("exit", () => reject(new Error("the other server ended early")));
  });
  return {
    id,
    kill: () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve());
        child.kill("SIGKILL");
      }),
  };
}

const all = await candidates();

for (const { name: backend, need } of all) {
  describe.skipIf(need.skip)(`after kill -9 of a server with a sandbox on ${backend}${need.label}`, () => {
    test("the next server takes the sandbox over, and deleting it leaves nothing", async () => {
      const home = newHome();
      const mark = `6${Math.floor(Math.random() * 1e8)}`;
      const other = await startElsewhere(home, backend, mark);
      await expect.poll(() => sleepers(mark).length, { timeout: 60_000 }).toBe(1);
      await other.kill();
      // bubblewrap dies with its server. A container ends by its own clock; a bare process is nobody's.
      if (backend === "bubblewrap") await expect.poll(() => sleepers(mark), { timeout: 2_000 }).toEqual([]);
      const { client } = await serve(home);
      expect(await mustCall(client, "list_sandboxes", {})).toMatchObject({
        sandboxes: [{ id: other.id, backend }],
      });
      expect(
        await mustCall(client, "run_command", { sandbox_id: other.id, script: "echo usable" }),
      ).toMatchObject({ outcome: "exited", stdout: "usable\n" });
      expect(await mustCall(client, "delete_sandbox", { sandbox_id: other.id })).toEqual({ deleted: true });
      if (backend === "unisolated") for (const pid of sleepers(mark)) process.kill(pid, "SIGKILL");
      await expect.poll(() => sleepers(mark), { timeout: 60_000 }).toEqual([]);
      expect(existsSync(join(home, "sandboxes", other.id))).toBe(false);
    });

    test("what has no record, or has expired, is cleared away before the next sandbox is made", async () => {
      const home = newHome();
      const { client } = await serve(home);
      const { id: orphan } = await mustCall(client, "create_sandbox", { backend });
      const { id: old } = await mustCall(client, "create_sandbox", { backend });
      const db = new DatabaseSync(join(home, "sandbox.db"));
      db.prepare("DELETE FROM sandbox WHERE id = ?").run(String(orphan));
      db.prepare("UPDATE sandbox SET expires_at = 1 WHERE id = ?").run(String(old));
      db.close();
      const next = await serve(home);
      const { id } = await mustCall(next.client, "create_sandbox", { backend });
      expect(await mustCall(next.client, "list_sandboxes", {})).toMatchObject({ sandboxes: [{ id }] });
      if (backend !== "docker") expect(readdirSync(join(home, "sandboxes"))).toEqual([id]);
      else expect(await containersOf([orphan, old, id])).toEqual([id]);
      await mustCall(next.client, "delete_sandbox", { sandbox_id: id });
    });
  });
}

async function containersOf(ids: readonly unknown[]): Promise<readonly string[]> {
  const { default: Docker } = await import("dockerode");
  const all = await new Docker().listContainers({ all: true, filters: { label: ["slipway.sandbox"] } });
  return all.map(({ Labels }) => Labels["slipway.sandbox"] ?? "").filter((id) => ids.includes(id));
}

const docker = all.find(({ name }) => name === "docker")?.need ?? { skip: true, label: "" };

test.skipIf(docker.skip)(
  `a container ends by its own clock and takes its volume along, without any server${docker.label}`,
  async () => {
    const { default: Docker } = await import("dockerode");
    const client = new Docker();
    const backend = openDocker();
    const id = `sbx_${nonce()}`;
    const ref = await backend.create(
      { id, limits: { cpu: 1, memoryMb: 64, pids: 32, diskMb: 16 }, ttlS: 2 },
      () => undefined,
    );
    const label = [`slipway.sandbox=${id}`];
    const volumes = async (): Promise<number> =>
      ((await client.listVolumes({ filters: { label } })).Volumes ?? []).length;
    expect([await backend.isAlive(ref), await volumes()]).toEqual([true, 1]);
    const containers = async (): Promise<number> =>
      (await client.listContainers({ all: true, filters: { label } })).length;
    await expect.poll(async () => (await containers()) + (await volumes()), { timeout: 60_000 }).toBe(0);
  },
);
