import { readFileSync } from "node:fs";
import Docker from "dockerode";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend, SandboxRef } from "../../../servers/sandbox/adapters/backend.ts";
import { between } from "../../../servers/sandbox/adapters/docker-marks.ts";
import { runCommand, type CommandSpec } from "../../../servers/sandbox/adapters/run-command.ts";
import { candidates, nonce, openDocker, runDeps } from "./backends.ts";

const MARK = "0123456789abcdef";

test("what stands between the marks comes through whole, wherever the stream is cut", () => {
  // Beginnings of the mark in the content are the hard part.
  const piece = fc.oneof(
    fc.constantFrom("0", "01", MARK.slice(0, 9), `${MARK.slice(0, -1)}x`, "\n", " 0\n"),
    fc.string(),
  );
  fc.assert(
    fc.property(
      fc.array(piece).map((pieces) => pieces.join("")),
      fc.string(),
      fc.integer({ min: 0, max: 255 }),
      fc.array(fc.nat({ max: 300 })),
      (content, noise, code, cuts) => {
        const all = Buffer.from(`${noise}${MARK}\n${content}${MARK} ${code}\nlater`);
        let heard = Buffer.alloc(0);
        const codes: number[] = [];
        const read = between(
          MARK,
          (chunk) => (heard = Buffer.concat([heard, chunk])),
          (end) => void codes.push(end),
        );
        let at = 0;
        for (const cut of [...cuts.filter((end) => end < all.length).sort((a, b) => a - b), all.length]) {
          read(all.subarray(at, cut));
          at = cut;
        }
        expect(heard.toString("utf8")).toBe(content);
        expect(codes).toEqual([code]);
      },
    ),
  );
});

test("what cannot be the mark any more is handed on at once", () => {
  const heard: string[] = [];
  const read = between(
    MARK,
    (chunk) => void heard.push(Buffer.from(chunk).toString()),
    () => undefined,
  );
  for (const chunk of [`${MARK}\nwaiting 01`, "2?"]) read(Buffer.from(chunk));
  expect(heard).toEqual(["waiting ", "012?"]);
});

const docker = (await candidates()).find(({ name }) => name === "docker");

describe.skipIf(docker?.need.skip ?? true)(`the runner of a container${docker?.need.label ?? ""}`, () => {
  let backend: Backend;
  let ref: SandboxRef;
  beforeAll(async () => {
    backend = openDocker();
    const limits = { cpu: 1, memoryMb: 64, pids: 32, diskMb: 16 };
    ref = await backend.create({ id: `sbx_${nonce()}`, limits, ttlS: 300 }, () => undefined);
  });
  afterAll(() => backend.destroy(ref));

  const run = async (argv: readonly string[], spec: Partial<CommandSpec> = {}) => {
    const { ending, stdout, stderr } = await runCommand(
      backend,
      ref,
      { argv, cwd: ".", env: {}, stdin: undefined, timeoutMs: 30_000, outputCapBytes: 1e6, ...spec },
      runDeps,
      new AbortController().signal,
    );
    return { ...ending, stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
  };
  /** Inside, the number of the process that started the command: the runner's, or 0 for one outside. */
  const STARTER = ["sh", "-c", "cut -d' ' -f4 /proc/$PPID/stat"];

  test("one runner starts one command after another, and the daemon what comes meanwhile", async () => {
    const [first, second] = [await run(STARTER), await run(STARTER)];
    expect(first.stdout).toMatch(/^[1-9]\d*\n$/);
    expect(second.stdout).toBe(first.stdout);
    const [, meanwhile] = await Promise.all([run(["sleep", "0.5"]), run(STARTER)]);
    expect(meanwhile.stdout).toBe("0\n");
    expect((await run(STARTER)).stdout).toBe(first.stdout);
  });

  test("words, variables and input arrive as they are", async () => {
    const odd = ["it's", "two\nlines\n", "", "$HOME `id` \\n $'x'", "ümläut 仓库 \u{1f6a2}", "'''", "\t*?["];
    const { stdout } = await run(["sh", "-c", `printf '<%s>' "$@"`, "sh", ...odd]);
    expect(stdout).toBe(odd.map((word) => `<${word}>`).join(""));
    const variable = await run(["sh", "-c", 'printf %s "$A"'], { env: { A: "x'y\nz" } });
    expect(variable.stdout).toBe("x'y\nz");
    const input = Buffer.from("a line\n\0and more");
    expect((await run(["cat"], { stdin: input })).stdout).toBe(input.toString());
    // What nobody reads is not taken for the next command.
    await run(["true"], { stdin: Buffer.from("x\n0\ntouch /workspace/owned\n".repeat(9_000)) });
    expect((await run(["ls"])).stdout).toBe("");
  });

  test("variables that name libraries to load do not reach who starts commands", async () => {
    const ended = await run(["busybox", "true"], { env: { LD_PRELOAD: "/tmp/none.so" } });
    expect(ended).toMatchObject({ outcome: "exited", exitCode: 0, stderr: "" });
  });

  test("a program that changes how its descriptors wait spoils nothing for the next", async () => {
    await run(["node", "-e", "process.stdout.write('x'); process.kill(process.pid, 'SIGKILL')"]);
    const { outcome, stdout } = await run(["sh", "-c", "yes | head -c 900000"]);
    expect([outcome, stdout.length]).toEqual(["exited", 900_000]);
  });

  test("where the runner dies, its command ends with it, and the next command finds another", async () => {
    const before = await run(STARTER);
    const running = run(["sleep", "60"]);
    const { Processes } = await new Docker().getContainer(ref.handle).top();
    const runner = Processes.map(([, pid]: string[]) => Number(pid)).find((pid: number) =>
      readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("read -r nonce"),
    );
    process.kill(runner ?? -1, "SIGKILL");
    expect(await running).toMatchObject({ outcome: "signaled", signal: "SIGKILL" });
    const after = await run(STARTER);
    expect(after.stdout).toMatch(/^[1-9]\d*\n$/);
    expect(after.stdout).not.toBe(before.stdout);
    expect((await run(["sh", "-c", "ps | grep -c '[s]leep 60'"])).stdout).toBe("0\n");
  });
});
