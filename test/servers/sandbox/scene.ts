import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@modelcontextprotocol/client";
import { silentLog } from "../../../kernel/log.ts";
import { receiptKey, verifyReceipt, type Receipt } from "../../../kernel/receipts.ts";
import { openSandbox } from "../../../servers/sandbox/main.ts";
import { connect } from "../../support/connect.ts";

/** A state folder, a project, and the servers opened on them; closed in reverse order. */
export interface Scene {
  readonly home: string;
  readonly project: string;
  /** One server process's worth, with one client. */
  serve(env?: Readonly<Record<string, string>>): Promise<Client>;
  /** What a genuine receipt of this state folder says. */
  verified(token: unknown): Receipt;
  close(): Promise<void>;
}

export function openScene(): Scene {
  const home = mkdtempSync(join(tmpdir(), "slipway-home-"));
  const project = mkdtempSync(join(tmpdir(), "slipway-project-"));
  const closers: (() => Promise<void>)[] = [];
  return {
    home,
    project,
    async serve(env = {}) {
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
    },
    verified(token) {
      const checked = verifyReceipt(String(token), receiptKey(home));
      if (!checked.ok) throw new Error(checked.reason);
      return checked.receipt;
    },
    async close() {
      for (const close of closers.splice(0).toReversed()) await close();
      for (const made of [home, project]) rmSync(made, { recursive: true, force: true });
    },
  };
}

/** A git checkout with one of everything, and a link that leads outside. */
export function repository(project: string): string {
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
