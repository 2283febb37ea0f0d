import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Io } from "../../../kernel/io.ts";
import { selftestCommand } from "../../../servers/sandbox/cli/selftest.ts";

test("where nothing isolates there is nothing to attack, and nothing is left behind", async () => {
  const cwd = mkdtempSync(join(tmpdir(), "slipway-selftest-here-"));
  const printed: string[] = [];
  const io: Io = {
    out: (line) => printed.push(line),
    err: (line) => printed.push(line),
    env: { DOCKER_HOST: "unix:///nowhere/docker.sock", SLIPWAY_ALLOW_UNISOLATED: "1" },
    cwd,
    terminal: undefined,
    signal: new AbortController().signal,
  };
  try {
    await expect(selftestCommand(["--backend", "unisolated"], io)).rejects.toMatchObject({ code: "invalid" });
    await expect(selftestCommand(["--backend", "docker"], io)).rejects.toMatchObject({ code: "unavailable" });
    await expect(selftestCommand(["--fast"], io)).rejects.toMatchObject({ code: "invalid" });
    expect(printed).toEqual([]);
    expect(readdirSync(cwd)).toEqual([]);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
});
