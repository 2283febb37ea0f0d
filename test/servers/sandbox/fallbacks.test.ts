import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend, SandboxRef } from "../../../servers/sandbox/adapters/backend.ts";
import { runCommand, type CommandResult } from "../../../servers/sandbox/adapters/run-command.ts";
import { candidates, newRoot, nonce, openBubblewrap, openDocker, runDeps } from "./backends.ts";

const LIMITS = { cpu: 1, memoryMb: 96, pids: 64, diskMb: 32 };

const all = await candidates();
const needs = new Map(all.map(({ name, need }) => [name, need]));

/** What a backend does where a helper of the machine is out of its reach. */
const variants = [
  {
    name: "docker",
    title: "Docker whose host cannot be looked at",
    open: () => openDocker(async () => null),
  },
  {
    name: "bubblewrap",
    title: "bubblewrap without busybox",
    open: (root: string) => openBubblewrap(root, []),
  },
] as const;

for (const { name, title, open } of variants) {
  const need = needs.get(name);
  describe.skipIf(need?.skip ?? true)(`${title}${need?.label ?? ""}`, () => {
    let root: string;
    let backend: Backend;
    let ref: SandboxRef;
    beforeAll(async () => {
      root = newRoot();
      backend = open(root);
      ref = await backend.create({ id: `sbx_${nonce()}`, limits: LIMITS, ttlS: 300 }, () => undefined);
    });
    afterAll(async () => {
      await backend.destroy(ref);
      rmSync(root, { recursive: true, force: true });
    });

    const run = (argv: readonly string[], timeoutMs = 60_000): Promise<CommandResult> =>
      runCommand(
        backend,
        ref,
        { argv, cwd: ".", env: {}, stdin: undefined, timeoutMs, outputCapBytes: 1e6 },
        runDeps,
        new AbortController().signal,
      );
    const ending = async (script: string, timeoutMs?: number): Promise<unknown> =>
      (await run(["sh", "-c", script], timeoutMs)).ending;

    test("endings are told apart all the same", async () => {
      expect(await ending("exit 0")).toMatchObject({ outcome: "exited", exitCode: 0 });
      expect(await ending("exit 9")).toMatchObject({ outcome: "exited", exitCode: 9 });
      expect(await ending("exit 137")).toMatchObject({ outcome: "exited", exitCode: 137 });
      expect(await ending("kill -9 $$")).toMatchObject({ outcome: "signaled", signal: "SIGKILL" });
      expect(await ending("kill -SEGV $$")).toMatchObject({ outcome: "signaled", signal: "SIGSEGV" });
      expect((await run(["no-such-program"])).ending.outcome).toBe("not_found");
      expect(await ending("sleep 30", 300)).toMatchObject({ outcome: "timeout" });
    });

    test("nothing is left running", async () => {
      const mark = `5${Math.floor(Math.random() * 1e8)}`;
      expect(await ending(`setsid sleep ${mark} & exit 0`)).toMatchObject({ outcome: "exited" });
      const { stdout } = await run(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]);
      expect(stdout.toString()).not.toContain(`sleep ${mark}`);
    });

    if (name === "bubblewrap") {
      test("a command whose server died before it was tied to it does not run", async () => {
        const orphaned = openBubblewrap(root, [], process.ppid);
        const spec = {
          argv: ["touch", "ran"],
          cwd: ".",
          env: {},
          stdin: undefined,
          timeoutMs: 60_000,
          outputCapBytes: 1e6,
        };
        await runCommand(orphaned, ref, spec, runDeps, new AbortController().signal);
        expect((await run(["ls"])).stdout.toString()).not.toContain("ran");
      });
    }

    if (name === "docker") {
      test("memory that ran out is named once, and an exit code of 137 later is not taken for it", async () => {
        const eat = ["node", "-e", "const kept = []; for (;;) kept.push(Buffer.alloc(8e6, 1));"];
        expect((await run(eat)).ending.outcome).toBe("oom");
        expect(await ending("exit 137")).toMatchObject({ outcome: "exited", exitCode: 137 });
        expect((await run(eat)).ending.outcome).toBe("oom");
      });
    }
  });
}
