import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import type { ToolCaller } from "../call.ts";
import type { Workspace } from "../runners/runner.ts";
import type { RunContext } from "./context.ts";
import type { Prepared } from "./prepared.ts";

const Created = z.looseObject({
  id: z.string(),
  backend: z.string(),
  isolation: z.string().optional(),
  tree_digest: z.string(),
});
const Snapshotted = z.looseObject({ snapshot_id: z.string() });
const Ran = z.looseObject({
  outcome: z.string(),
  exit_code: z.int().optional(),
  stdout: z.string().optional(),
  stderr: z.string().optional(),
  receipt: z.string().optional(),
  job_id: z.string().optional(),
});
const Read = z.looseObject({ text: z.string().optional(), next_offset: z.int().optional() });
const Exported = z.looseObject({
  patch: z.string(),
  patch_sha256: z.string(),
  flagged: z.array(z.looseObject({ path: z.string(), reason: z.string() })),
  next_offset: z.int().optional(),
});

/** What one command did, with the sandbox's signed word for it. */
export interface CommandRun {
  readonly outcome: string;
  readonly exitCode: number | null;
  /** stdout and stderr, head and tail: untrusted data. */
  readonly output: string;
  readonly receipt: string;
}

/** One sandbox of the sandbox server, from creation to deletion. */
export interface SandboxSession {
  readonly id: string;
  readonly backend: string;
  /** Digest of what was imported. */
  readonly treeDigest: string;
  run(command: string, timeoutS: number, signal: AbortSignal): Promise<CommandRun>;
  /** The hands of a model inside this sandbox. */
  workspace(signal: AbortSignal): Workspace;
  /** What was changed since the import, as a patch git can apply; without what git ignores. */
  exportPatch(): Promise<string>;
  /** Keeps the workspace as it is, for a day; later sandboxes can begin with it. */
  snapshot(): Promise<string>;
  close(): Promise<void>;
}

/** What a sandbox begins with. */
export interface Start {
  /** A commit or tree. */
  readonly tree: string;
  /** What setup made, which lies below the tree; null for nothing. */
  readonly prepared: Prepared | null;
  /** Hosts that its commands may reach; absent for none. */
  readonly hosts?: readonly string[];
}

/** Suites of real projects start many processes and hold their packages in the workspace. */
const LIMITS = { cpu: 2, memory_mb: 4_096, pids: 1_024, disk_mb: 2_048 };

const WAIT_MS = 40_000;

/**
 * Runs `work` in a sandbox that holds a clean checkout of a commit or tree, over what setup made, and no network unless
 * hosts are named. The sandbox is gone afterwards.
 */
export async function withSandbox<T>(
  run: RunContext,
  name: string,
  start: Start,
  work: (session: SandboxSession) => Promise<T>,
): Promise<T> {
  const checkout = await run.files.checkOut(run.options.repo, start.tree);
  let session: SandboxSession;
  try {
    session = await openSession(run, name, checkout.dir, start);
  } finally {
    await checkout.remove();
  }
  try {
    return await work(session);
  } finally {
    // It ends by itself in time; the result of the work must not be lost over it.
    await session
      .close()
      .catch((error: unknown) =>
        run.log("warn", "a sandbox could not be deleted", { name, error: String(error) }),
      );
  }
}

async function openSession(
  run: RunContext,
  name: string,
  dir: string,
  { prepared, hosts }: Start,
): Promise<SandboxSession> {
  const { sandbox } = run.hosts;
  const isPlain = prepared === null && hosts === undefined;
  const {
    id,
    backend,
    tree_digest: treeDigest,
  } = await create(run, {
    name,
    template: "node",
    network: hosts === undefined ? "none" : { allow: hosts },
    from_dir: dir,
    ttl_s: 3_600,
    ...(isPlain ? {} : { limits: LIMITS }),
    ...(prepared === null ? {} : { from_snapshot: prepared.snapshot, backend: prepared.backend }),
  });
  const close = async (): Promise<void> => {
    await sandbox.call("delete_sandbox", { sandbox_id: id }, z.unknown());
  };
  try {
    // Once per run and backend: whoever reads the report must see what isolated the commands, or that nothing did.
    await run.journal.step(`isolation/${backend}`, z.object({}), async () => {
      await run.journal.emit("sandbox.created", { backend });
      return {};
    });
    const runIn = (command: string, timeoutS: number, signal: AbortSignal): Promise<CommandRun> =>
      runCommand(sandbox, id, command, timeoutS, signal);
    return {
      id,
      backend,
      treeDigest,
      run: runIn,
      workspace: (signal) =>
        workspaceOver(sandbox, id, (command, timeoutS) => runIn(command, timeoutS, signal)),
      exportPatch: () => exportPatch(sandbox, id),
      async snapshot() {
        return (await sandbox.call("snapshot_sandbox", { sandbox_id: id }, Snapshotted)).snapshot_id;
      },
      close,
    };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** Makes a sandbox on the backend that the run prefers, and on another one where that is not there. */
async function create(
  run: RunContext,
  args: Readonly<Record<string, unknown>>,
): Promise<z.output<typeof Created>> {
  const make = (given: Readonly<Record<string, unknown>>): Promise<z.output<typeof Created>> =>
    run.hosts.sandbox.call("create_sandbox", given, Created);
  const { backend } = run.options;
  if (backend === undefined || args["backend"] !== undefined) return make(args);
  try {
    return await make({ ...args, backend });
  } catch (error) {
    if (!(error instanceof DomainError) || (error.code !== "unavailable" && error.code !== "denied"))
      throw error;
    return make(args);
  }
}

/** Runs a command to its end, however long that takes; an abort cancels it in the sandbox too. */
async function runCommand(
  sandbox: ToolCaller,
  id: string,
  command: string,
  timeoutS: number,
  signal: AbortSignal,
): Promise<CommandRun> {
  let ran = await sandbox.call(
    "run_command",
    { sandbox_id: id, script: command, timeout_s: timeoutS, wait_ms: WAIT_MS, max_tokens: 6_000 },
    Ran,
    signal,
  );
  while (ran.outcome === "running" && ran.job_id !== undefined) {
    const job = ran.job_id;
    if (signal.aborted) {
      await sandbox.call("cancel_job", { job_id: job }, z.unknown());
      signal.throwIfAborted();
    }
    ran = {
      job_id: job,
      ...(await sandbox.call("read_job", { job_id: job, wait_ms: WAIT_MS, max_tokens: 6_000 }, Ran, signal)),
    };
  }
  const output = [ran.stdout ?? "", ran.stderr ?? ""].filter((text) => text !== "").join("\n");
  return { outcome: ran.outcome, exitCode: ran.exit_code ?? null, output, receipt: ran.receipt ?? "" };
}

/** The longest list of files a model is shown. */
const MOST_FILES = 2_000;

/** The longest file a model is shown, in characters. */
const MOST_TEXT = 400_000;

function workspaceOver(sandbox: ToolCaller, id: string, run: Workspace["run"]): Workspace {
  return {
    run,
    async list(path) {
      // The thin image has find; names with line breaks are left out rather than split.
      const { output, exitCode } = await run(
        `find ${quote(path)} -type f -not -path '*/.git/*' -not -path '*/node_modules/*' | head -n ${MOST_FILES}`,
        30,
      );
      if (exitCode !== 0) throw new DomainError("not_found", `there is no folder ${path}`);
      return output
        .split("\n")
        .map((line) => line.replace(/^\.\//, ""))
        .filter((line) => line !== "")
        .sort();
    },
    async read(path) {
      let whole = "";
      for (let offset: number | undefined = 0; offset !== undefined && whole.length < MOST_TEXT;) {
        const part: z.output<typeof Read> = await sandbox.call(
          "read_sandbox_file",
          { sandbox_id: id, path, offset, max_tokens: 19_000 },
          Read,
        );
        if (part.text === undefined) throw new DomainError("invalid", `${path} is not a text file`);
        whole += part.text;
        offset = part.next_offset;
      }
      return whole;
    },
    async write(path, text) {
      await sandbox.call("write_sandbox_files", { sandbox_id: id, files: [{ path, text }] }, z.unknown());
    },
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The largest patch a run takes, in characters. */
const MOST_PATCH = 8_000_000;

/** Joins the parts of the patch; a change in between would mix two patches, so it starts anew then. */
async function exportPatch(sandbox: ToolCaller, id: string): Promise<string> {
  let patch = "";
  let digest = "";
  for (let offset: number | undefined = 0; offset !== undefined;) {
    const part: z.output<typeof Exported> = await sandbox.call(
      "export_changes",
      { sandbox_id: id, offset, max_tokens: 20_000 },
      Exported,
    );
    if (digest !== "" && part.patch_sha256 !== digest) {
      digest = "";
      patch = "";
      offset = 0;
      continue;
    }
    digest = part.patch_sha256;
    patch += part.patch;
    if (patch.length > MOST_PATCH)
      throw new DomainError("limit", "the change is larger than a run takes", {
        hint: "split the task, or keep generated files out",
      });
    offset = part.next_offset;
  }
  return patch;
}
