import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { abuse, ABUSE_LIMITS, type Verdict } from "../../../servers/sandbox/adapters/abuse.ts";
import { withBait } from "../../../servers/sandbox/adapters/abuse-bait.ts";
import { attest } from "../../../servers/sandbox/adapters/attest.ts";
import { readArchive, type ReadEntry } from "../../../servers/sandbox/adapters/archive.ts";
import type { Backend, SandboxRef } from "../../../servers/sandbox/adapters/backend.ts";
import { readFilePart, readTree, writeEntries } from "../../../servers/sandbox/adapters/files.ts";
import { listFiles, searchFiles } from "../../../servers/sandbox/adapters/tree-listing.ts";
import { runCommand, type CommandSpec } from "../../../servers/sandbox/adapters/run-command.ts";
import { loadWorkspace, saveWorkspace } from "../../../servers/sandbox/adapters/workspace-copy.ts";
import { NO_GUARANTEES } from "../../../servers/sandbox/domain/guarantees.ts";
import { findNpm } from "../../../servers/sandbox/adapters/npm-package.ts";
import { requirement } from "../../support/skip.ts";
import { candidates, fileDeps, newRoot, nonce, runDeps } from "./backends.ts";

const LIMITS = ABUSE_LIMITS;
const TREE = { maxBytes: 64e6, maxEntries: 1_000, maxFileBytes: 8e6 };
const npm = requirement(
  "npm",
  findNpm(process.env["PATH"] ?? "") !== null,
  "no npm on PATH that is one folder",
);
/** A command that does nothing, for the tests to change. */
const QUIET: CommandSpec = {
  argv: ["true"],
  cwd: ".",
  env: {},
  stdin: undefined,
  timeoutMs: 60_000,
  outputCapBytes: 1e6,
};
const NEVER = new AbortController().signal;

for (const { name, need, open } of await candidates()) {
  const isIsolated = name !== "unisolated";

  describe.skipIf(need.skip)(`a sandbox on ${name}${need.label}`, () => {
    let root: string;
    let backend: Backend;
    let ref: SandboxRef;

    beforeAll(async () => {
      root = newRoot();
      backend = open(root);
      ref = await backend.create({ id: `sbx_${nonce()}`, limits: LIMITS, ttlS: 600 }, () => undefined);
    }, 60_000);
    afterAll(async () => {
      await backend.destroy(ref);
      rmSync(root, { recursive: true, force: true });
    });

    const run = (spec: Partial<CommandSpec>, signal = NEVER): ReturnType<typeof runCommand> =>
      runCommand(backend, ref, { ...QUIET, ...spec }, runDeps, signal);
    const sh = async (script: string, spec: Partial<CommandSpec> = {}) => {
      const { ending, stdout, stderr } = await run({ argv: ["sh", "-c", script], ...spec });
      return { ...ending, stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
    };
    const write = (path: string, content: Uint8Array, mode = 0o644): Promise<void> =>
      writeEntries(backend, ref, [{ kind: "file", path, mode, content }], [], fileDeps);
    const read = (path: string, offset = 0, length = 1e6): ReturnType<typeof readFilePart> =>
      readFilePart(backend, ref, path, offset, length, fileDeps);
    const tree = async (): Promise<readonly ReadEntry[]> => {
      const entries: ReadEntry[] = [];
      await readTree(backend, ref, [".git"], TREE, (entry) => entries.push(entry), fileDeps);
      return entries;
    };
    /** Whether a process with this mark in its arguments runs inside. */
    const survivors = async (mark: string): Promise<string> =>
      (
        await sh(
          `for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f 2>/dev/null; echo; done | grep -- ${mark.slice(0, -1)}[${mark.slice(-1)}]`,
        )
      ).stdout;

    test("exit codes and output come back as they are", async () => {
      expect(await sh("echo out; echo err >&2; exit 3")).toEqual({
        outcome: "exited",
        exitCode: 3,
        signal: null,
        stdout: "out\n",
        stderr: "err\n",
      });
      expect(await sh("printf 'no newline' >&2; exit 1")).toMatchObject({
        exitCode: 1,
        stderr: "no newline",
      });
      expect((await run({ argv: ["sh", "-c", "printf '\\377\\000\\376'"] })).stdout).toEqual(
        Buffer.from([255, 0, 254]),
      );
    });

    test.each([137, 255])("a program that exits %i by itself exited", async (code) => {
      expect(await sh(`exit ${code}`)).toMatchObject({ outcome: "exited", exitCode: code, signal: null });
    });

    test.each(["KILL", "SEGV"])("a program ended by SIG%s was signaled", async (signal) => {
      expect(await sh(`kill -${signal} $$`)).toMatchObject({
        outcome: "signaled",
        exitCode: null,
        signal: `SIG${signal}`,
      });
    });

    test("a missing program and a missing folder are told apart from exit codes", async () => {
      expect((await run({ argv: ["no-such-program"] })).ending).toMatchObject({
        outcome: "not_found",
        exitCode: null,
      });
      expect((await run({ cwd: "no/such/folder" })).ending).toMatchObject({
        outcome: "bad_cwd",
        exitCode: null,
      });
    });

    test("a folder that is a link out of the workspace is no place to run", async () => {
      await sh("ln -sfn /etc elsewhere; mkdir -p inner; ln -sfn inner here");
      expect((await run({ cwd: "elsewhere" })).ending.outcome).toBe("bad_cwd");
      expect(await sh("pwd -P", { cwd: "here" })).toMatchObject({
        outcome: "exited",
        stdout: `${backend.layout(ref).workspace}/inner\n`,
      });
    });

    test("Node runs", async () => {
      expect(await sh("node -e 'console.log(process.version)'")).toMatchObject({
        exitCode: 0,
        stdout: `${process.version}\n`,
      });
    });

    test.skipIf(npm.skip)(`npm runs the scripts of a package${npm.label}`, async () => {
      await write("pkg/package.json", Buffer.from('{ "scripts": { "test": "node -p 6*7" } }'));
      const { outcome, stdout } = await sh("npm test --silent", { cwd: "pkg" });
      expect({ outcome, stdout }).toEqual({ outcome: "exited", stdout: "42\n" });
    });

    test("stdin is what was given, or at its end", async () => {
      expect(await sh("cat; echo end")).toMatchObject({ stdout: "end\n" });
      const input = Buffer.alloc(300_000, "0123456789\n");
      expect((await run({ argv: ["cat"], stdin: input })).stdout.equals(input)).toBe(true);
      expect(await sh("exit 4", { stdin: input })).toMatchObject({ outcome: "exited", exitCode: 4 });
    });

    test("the environment is explicit: nothing of the server's gets in", async () => {
      process.env["ANTHROPIC_API_KEY"] = "sk-not-for-you";
      try {
        const { stdout } = await sh("env", { env: { GREETING: "hello" } });
        const names = stdout
          .split("\n")
          .map((line) => line.split("=")[0] ?? "")
          .filter((variable) => variable !== "");
        expect(stdout).toContain("GREETING=hello");
        const known = [
          "CI",
          "GREETING",
          "HOME",
          "HOSTNAME",
          "LANG",
          "OLDPWD",
          "PATH",
          "PWD",
          "SHLVL",
          "SLIPWAY_COMMAND",
          "TMPDIR",
          "_",
          "npm_config_cache",
          "npm_config_update_notifier",
        ];
        expect(names.filter((variable) => !known.includes(variable))).toEqual([]);
        if (isIsolated)
          expect((await sh("cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'")).stdout).not.toContain(
            "sk-not-for-you",
          );
      } finally {
        delete process.env["ANTHROPIC_API_KEY"];
      }
    });

    test("a loader variable of the caller does not reach the host", async () => {
      expect(await sh("echo fine", { env: { LD_PRELOAD: "/workspace/no.so" } })).toMatchObject({
        outcome: "exited",
        stdout: "fine\n",
      });
    });

    // On the isolated ones the list of attacks has this one.
    if (!isIsolated)
      test("a timeout kills the whole tree, with what left its session", async () => {
        const mark = `7${Math.floor(Math.random() * 1e8)}`;
        const script = `setsid sleep ${mark} & (setsid sh -c 'sleep ${mark} & sleep ${mark}' &) ; trap '' TERM; sleep ${mark}`;
        expect(await sh(script, { timeoutMs: 400 })).toMatchObject({ outcome: "timeout", exitCode: null });
        expect(await survivors(mark)).toBe("");
      });

    test("what a program leaves behind ends with it", async () => {
      const mark = `8${Math.floor(Math.random() * 1e8)}`;
      expect(await sh(`setsid sleep ${mark} & echo started`)).toMatchObject({
        outcome: "exited",
        exitCode: 0,
        stdout: "started\n",
      });
      expect(await survivors(mark)).toBe("");
    });

    test("a cancelled command ends", async () => {
      const caller = new AbortController();
      setTimeout(() => caller.abort(), 200);
      expect((await run({ argv: ["sleep", "60"] }, caller.signal)).ending.outcome).toBe("cancelled");
    });

    // On the isolated ones the list of attacks has this one.
    if (!isIsolated)
      test("a flood is cut at the cap and its source killed", async () => {
        const { ending, stdout } = await run({ argv: ["sh", "-c", "yes slipway"], outputCapBytes: 100_000 });
        expect(ending.outcome).toBe("output_cap");
        expect(stdout).toHaveLength(100_000);
        expect((await sh("echo still here")).stdout).toBe("still here\n");
      });

    test("files go in and out byte for byte", async () => {
      const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256));
      const name = "dir with space/-dash/ünï 'quoted'.bin";
      await write(name, bytes, 0o755);
      expect((await read(name)).content.equals(bytes)).toBe(true);
      expect(await read(name, 69_990, 100)).toEqual({ content: bytes.subarray(69_990), sizeBytes: 70_000 });
      expect((await read(name, 80_000, 10)).content).toHaveLength(0);
      expect((await tree()).find((entry) => entry.path === name)).toMatchObject({
        kind: "file",
        mode: 0o755,
        content: bytes,
      });
      await writeEntries(
        backend,
        ref,
        [{ kind: "folder", path: "made", mode: 0o755 }],
        ["dir with space"],
        fileDeps,
      );
      await expect(read(name)).rejects.toMatchObject({ code: "not_found" });
      expect((await sh("ls -d made")).stdout).toBe("made\n");
    });

    test("reading never leaves the workspace and never hangs", async () => {
      await sh(
        "ln -sfn /etc/passwd leaf; ln -sfn /etc folder; ln -sfn nowhere dangling; mkfifo pipe; echo ok > real; ln -sfn real link",
      );
      await expect(read("leaf")).rejects.toMatchObject({ code: "denied" });
      await expect(read("folder/passwd")).rejects.toMatchObject({ code: "denied" });
      await expect(read("dangling")).rejects.toMatchObject({ code: "not_found" });
      await expect(read("pipe")).rejects.toMatchObject({ code: "invalid" });
      await expect(read("inner")).rejects.toMatchObject({ code: "invalid" });
      expect((await read("link")).content.toString()).toBe("ok\n");
    });

    test("writing never leaves the workspace", async () => {
      await sh("ln -sfn /tmp out; ln -sfn /tmp/leak-target leaf2; rm -f /tmp/planted /tmp/leak-target");
      await expect(write("out/planted", Buffer.from("x"))).rejects.toMatchObject({ code: "denied" });
      await expect(write("out/deeper/planted", Buffer.from("x"))).rejects.toMatchObject({ code: "denied" });
      await expect(write("real/below", Buffer.from("x"))).rejects.toMatchObject({ code: "conflict" });
      await write("leaf2", Buffer.from("mine"));
      expect((await sh("cat leaf2; ls /tmp/planted /tmp/leak-target /tmp/deeper 2>/dev/null")).stdout).toBe(
        "mine",
      );
    });

    test("a tree comes out whole, and only what may come out", async () => {
      await writeEntries(backend, ref, [], ["t"], fileDeps);
      await sh(
        "mkdir -p t/.git t/sub; echo a > t/a; ln t/a t/b; ln -s a t/in; ln -s /etc/passwd t/out; ln -s ../../.. t/up; mkfifo t/p; echo s > t/.git/secret; chmod 700 t/a",
      );
      const entries: ReadEntry[] = [];
      const { skipped } = await readTree(
        backend,
        ref,
        [".git"],
        TREE,
        (entry) => void (entry.path.startsWith("t/") && entries.push(entry)),
        fileDeps,
      );
      const byPath = new Map(entries.map((entry) => [entry.path, entry]));
      expect([...byPath.keys()].sort()).toEqual(["t/a", "t/b", "t/in", "t/sub"]);
      expect(byPath.get("t/in")).toEqual({ kind: "link", path: "t/in", target: "a" });
      expect([byPath.get("t/a")?.kind, byPath.get("t/b")?.kind].sort()).toEqual(["file", "same"]);
      expect(
        skipped
          .map(({ path }) => path)
          .filter((path) => path.startsWith("t/"))
          .sort(),
      ).toEqual(["t/out", "t/p", "t/up"]);

      const { files } = await listFiles(backend, ref, "t", 2, nonce());
      expect(files.map(({ path, type }) => `${type} ${path}`)).toEqual([
        "folder t/.git",
        "file t/.git/secret",
        "file t/a",
        "file t/b",
        "link t/in",
        "link t/out",
        "other t/p",
        "folder t/sub",
        "link t/up",
      ]);
      await expect(listFiles(backend, ref, "t/out", 1, nonce())).rejects.toMatchObject({ code: "denied" });
      await expect(listFiles(backend, ref, "t/a", 1, nonce())).rejects.toMatchObject({ code: "invalid" });
      const search = { pattern: "^(a|s)$", path: "t", skip: 0, limit: 10 };
      expect(await searchFiles(backend, ref, search, nonce())).toEqual([
        { path: "t/a", line: 1, text: "a" },
        { path: "t/b", line: 1, text: "a" },
      ]);
      expect(await searchFiles(backend, ref, { ...search, skip: 1 }, nonce())).toMatchObject([
        { path: "t/b" },
      ]);
      await expect(searchFiles(backend, ref, { ...search, pattern: "a(" }, nonce())).rejects.toMatchObject({
        code: "invalid",
      });
    });

    test("a tree over the limits is refused", async () => {
      await sh("head -c 3000000 /dev/zero > zeros");
      await expect(
        readTree(backend, ref, [], { ...TREE, maxBytes: 1e6 }, () => undefined, fileDeps),
      ).rejects.toMatchObject({ code: "limit" });
      const { skipped } = await readTree(
        backend,
        ref,
        [],
        { ...TREE, maxFileBytes: 1e6 },
        () => undefined,
        fileDeps,
      );
      expect(skipped.map(({ path }) => path)).toContain("zeros");
      await sh("rm zeros");
    });

    test("another server on the same state folder finds the sandbox, and what is gone is gone for it too", async () => {
      const other = open(root);
      const made = await backend.create({ id: `sbx_${nonce()}`, limits: LIMITS, ttlS: 600 }, () => undefined);
      await writeEntries(
        backend,
        made,
        [{ kind: "file", path: "shared", mode: 0o644, content: Buffer.from("1") }],
        [],
        fileDeps,
      );
      expect((await readFilePart(other, made, "shared", 0, 10, fileDeps)).content.toString()).toBe("1");
      expect(await other.isAlive(made)).toBe(true);
      await Promise.all([other.destroy(made), backend.destroy(made)]);
      await backend.destroy(made);
      await expect.poll(() => other.isAlive(made)).toBe(false);
      const { ending } = await runCommand(other, made, QUIET, runDeps, NEVER);
      expect(ending.outcome).toBe("sandbox_dead");
    });

    test("it says what it guarantees, as seen from inside", async () => {
      const guarantees = await attest(backend, ref, runDeps);
      const basic = { filesystem: "enforced", network: "enforced", processes: "enforced", kernel: "shared" };
      if (name === "unisolated") expect(guarantees).toEqual(NO_GUARANTEES);
      if (name === "bubblewrap")
        expect(guarantees).toEqual({ ...basic, memory: "none", cpu: "none", disk: "none" });
      if (name === "docker")
        expect(guarantees).toEqual({ ...basic, memory: "enforced", cpu: "enforced", disk: "enforced" });
    });

    if (name === "docker")
      describe("limits", () => {
        test("a copy is of one moment, though a command writes on", async () => {
          const copy = join(root, "copy.tar");
          const script =
            "i=0; until [ -e enough ]; do i=$((i+1)); for f in first second; do echo $i > next; mv next $f; done; done; rm enough first second";
          const writer = sh(script);
          await expect.poll(async () => (await sh("[ -e second ] && echo there")).stdout).toBe("there\n");
          await saveWorkspace(backend, ref, copy, 64e6);
          await write("enough", Buffer.from(""));
          expect((await writer).outcome).toBe("exited");
          const kept = new Map<string, string>();
          const reader = await readArchive(TREE, (entry) => {
            if (entry.kind === "file") kept.set(entry.path, Buffer.from(entry.content).toString());
          });
          reader.push(readFileSync(copy));
          await reader.finish();
          // The command was stopped between its two writes, or after both, but not while the copy was made.
          const [first, second] = [Number(kept.get("first")), Number(kept.get("second"))];
          expect([first, first - 1]).toContain(second);
          await loadWorkspace(backend, ref, readFileSync(copy));
          expect((await sh("cat first; rm -f first second next")).stdout).toBe(`${first}\n`);
        });

        test("too many processes are named", async () => {
          expect(
            (await sh("i=0; while [ $i -lt 300 ]; do sleep 20 & i=$((i+1)); done; exit 1")).outcome,
          ).toBe("pids");
        });
      });

    if (isIsolated)
      // Last: it ends the sandbox.
      test("what hostile programs and callers try does not get through", async () => {
        const guarantees = await attest(backend, ref, runDeps);
        const verdicts: Verdict[] = [];
        await withBait(nonce(), (bait) =>
          abuse({ backend, ref, deps: { ...runDeps, ...fileDeps }, bait }, guarantees, (verdict) =>
            verdicts.push(verdict),
          ),
        );
        expect(verdicts.filter(({ saw }) => saw !== null)).toEqual([]);
        const notPromised = verdicts.filter(({ isPromised }) => !isPromised).map(({ title }) => title);
        expect(notPromised).toEqual(
          name === "docker"
            ? []
            : ["filling the workspace", "a million empty files", "all memory, told from an exit code of 137"],
        );
      });
  });
}
