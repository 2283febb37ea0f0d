import { existsSync, realpathSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import type { Backend, Layout, SandboxRef } from "./backend.ts";
import { runLocal, runningCommands } from "./local-process.ts";

export interface UnisolatedSettings {
  /** Holds one folder per sandbox. */
  readonly root: string;
  /** Where commands find programs. */
  readonly path: string;
  readonly nonce: () => string;
}

/** Marks every process of one command, so that those which left its process group are found again. */
const MARK = "SLIPWAY_COMMAND";

/**
 * Plain processes of this user in a folder of their own: no boundary at all. Exists only where a person allowed it,
 * for machines that have neither Docker nor bubblewrap.
 */
export function unisolatedBackend({ root, path, nonce }: UnisolatedSettings): Backend {
  const folderOf = (id: string): string => join(root, id);
  const commands = runningCommands();
  const layout = (ref: SandboxRef): Layout => {
    const folder = join(existsSync(root) ? realpathSync(root) : root, ref.id);
    return {
      workspace: join(folder, "workspace"),
      env: {
        PATH: path,
        HOME: join(folder, "workspace"),
        TMPDIR: join(folder, "tmp"),
        LANG: "C.UTF-8",
        CI: "1",
      },
      reporter: null,
    };
  };
  return {
    name: "unisolated",
    isolation: "none",
    // Nothing keeps its commands from any host.
    hasDoor: true,
    probe: async () => ({ ok: true }),
    async create({ id, limits }) {
      await mkdir(join(folderOf(id), "workspace"), { recursive: true, mode: 0o700 });
      await mkdir(join(folderOf(id), "tmp"), { mode: 0o700 });
      return { id, handle: id, limits };
    },
    layout,
    async exec(ref, request) {
      if (!existsSync(layout(ref).workspace))
        throw new DomainError("not_found", `sandbox ${ref.id} is gone`, { hint: "create a new one" });
      const mark = nonce();
      const options = {
        cwd: layout(ref).workspace,
        env: { ...request.env, [MARK]: mark },
        killRest: (pid: number) => killMarked(`${MARK}=${mark}`, pid),
      };
      const { result: end, deleted } = await commands.track(ref.id, request.kill, (kill) =>
        runLocal(request.argv, options, { ...request, kill }),
      );
      return {
        ...end,
        oomKills: 0,
        forksRefused: 0,
        cpuMs: null,
        peakMemoryBytes: null,
        alive: !deleted && existsSync(options.cwd),
      };
    },
    isAlive: async (ref) => existsSync(join(folderOf(ref.id), "workspace")),
    async destroy(ref) {
      await commands.killAll(ref.id);
      await rm(folderOf(ref.id), { recursive: true, force: true });
    },
    listOwned: async () => [],
  };
}

const MAX_ROUNDS = 50;
const MAX_UNSURE_ROUNDS = 20;

/** Kills every process whose first environment holds the mark, until a whole round finds none. */
async function killMarked(mark: string, first: number): Promise<void> {
  let unsureRounds = 0;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { marked, unsure } = await findMarked(mark, first);
    if (unsure) unsureRounds += 1;
    if (marked.length === 0 && (!unsure || unsureRounds >= MAX_UNSURE_ROUNDS)) return;
    for (const pid of marked) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended between the look and the signal.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** @param first The command's own process: what it started has a higher number. */
async function findMarked(
  mark: string,
  first: number,
): Promise<{ readonly marked: readonly number[]; readonly unsure: boolean }> {
  const names = await readdir("/proc").catch(() => []);
  const marked: number[] = [];
  let unsure = false;
  const look = async (name: string): Promise<void> => {
    // Gone, or another user's: then it is none of ours.
    const environment = await readFile(`/proc/${name}/environ`, "latin1").catch(() => null);
    if (environment === null || Number(name) === process.pid) return;
    if (environment.split("\0").includes(mark)) marked.push(Number(name));
    // A process shows no environment while it turns into another program, and after its end.
    else if (environment === "" && Number(name) > first && !(await hasEnded(name))) unsure = true;
  };
  await Promise.all(names.filter((name) => /^\d+$/.test(name)).map(look));
  return { marked, unsure };
}

async function hasEnded(pid: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  // The state follows the name, which may itself hold parentheses.
  return stat === "" || /^\) [ZX]/.test(stat.slice(stat.lastIndexOf(")")));
}
