import { randomBytes } from "node:crypto";
import type Docker from "dockerode";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { openSandbox } from "../servers/sandbox/main.ts";
import { silentLog } from "../kernel/log.ts";
import { connect, mustCall } from "../test/support/connect.ts";
import { candidates } from "../test/servers/sandbox/backends.ts";
import { markdownTable } from "./machine.ts";
import { quantile } from "./statistics.ts";

const FILES = 1_000;

type Call = (name: string, args: Record<string, unknown>) => Promise<Record<string, unknown>>;

/** One figure: ours and the floor it stands beside, taken in turn. */
interface Pair {
  readonly what: string;
  readonly floor: string;
  /** The ratio to hold. */
  readonly aim: number;
  ours(): Promise<void>;
  raw(): Promise<void>;
}

/** The sandbox server beside what it is made of, sample by sample in turn: `npm run bench -- sandbox [--calls N]`. */
export async function benchSandbox(samples: number): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), "slipway-bench-"));
  const env = { PATH: process.env["PATH"], DOCKER_HOST: process.env["DOCKER_HOST"] };
  const server = await openSandbox({ home, cwd: home, env, log: silentLog });
  const { client, close } = await connect(server);
  const call: Call = (name, args) => mustCall(client, name, args);
  const rows: string[][] = [];
  try {
    for (const { name, need } of await candidates()) {
      if (name === "unisolated") continue;
      if (need.skip) rows.push([name, `not measured:${need.label}`]);
      else if (name === "docker") rows.push(...(await inTurn(samples, await dockerPairs(call))));
      else rows.push(...(await inTurn(samples, await bubblewrapPairs(call))));
    }
  } finally {
    await close();
    await server.close();
    rmSync(home, { recursive: true, force: true });
  }
  return markdownTable(["what", "beside", "ours p50 ms", "raw p50 ms", "ratio", "aim"], rows);
}

interface Bench {
  readonly pairs: readonly Pair[];
  /** Takes away what the last samples made; not measured. */
  between(): Promise<void>;
  end(): Promise<void>;
}

async function inTurn(samples: number, { pairs, between, end }: Bench): Promise<string[][]> {
  const rows: string[][] = [];
  for (const { what, floor, aim, ours, raw } of pairs) {
    const taken = { ours: new Array<number>(), raw: new Array<number>() };
    // The first of each is not counted: images, caches and connections are made by it.
    for (let sample = 0; sample <= samples; sample += 1) {
      for (const [side, run] of [
        ["ours", ours],
        ["raw", raw],
      ] as const) {
        const startedAt = performance.now();
        await run();
        if (sample > 0) taken[side].push(performance.now() - startedAt);
      }
      await between();
    }
    const [our, floorMs] = [quantile(taken.ours, 0.5), quantile(taken.raw, 0.5)];
    rows.push([
      what,
      floor,
      our.toFixed(1),
      floorMs.toFixed(1),
      (our / floorMs).toFixed(2),
      `<= ${aim.toFixed(2)}`,
    ]);
  }
  await end();
  return rows;
}

async function dockerPairs(call: Call): Promise<Bench> {
  const { default: Client } = await import("dockerode");
  const docker = new Client();
  const backend = "docker";
  const made: unknown[] = [];
  const create = async (args: Record<string, unknown> = {}): Promise<unknown> => {
    const { id } = await call("create_sandbox", { backend, ...args });
    made.push(id);
    return id;
  };
  const first = await create();
  const files = Array.from({ length: FILES }, (_, index) => ({
    path: `src/${index}`,
    text: "x".repeat(2_000),
  }));
  await call("write_sandbox_files", { sandbox_id: first, files });
  const images = await docker.listImages({ filters: { label: ["slipway.recipe"] } });
  const image = images.toSorted((a, b) => b.Created - a.Created)[0]?.RepoTags?.[0] ?? "";
  const label = { "slipway.bench": randomBytes(8).toString("hex") };
  const rawCreate = async (): Promise<Docker.Container> => {
    const container = await docker.createContainer({
      Image: image,
      Cmd: ["/bin/sleep", "600"],
      Labels: label,
    });
    await container.start();
    await rawExec(container);
    return container;
  };
  const standing = await rawCreate();
  const raws: Docker.Container[] = [];
  return {
    pairs: [
      {
        what: "create_sandbox and one command",
        floor: "docker create, start, exec",
        aim: 1.1,
        ours: async () => void (await call("run_command", { sandbox_id: await create(), argv: ["true"] })),
        raw: async () => void raws.push(await rawCreate()),
      },
      {
        what: "run_command true",
        floor: "docker exec true",
        aim: 0.3,
        ours: async () => void (await call("run_command", { sandbox_id: first, argv: ["true"] })),
        raw: () => rawExec(standing),
      },
      {
        what: `fork_sandbox, ${FILES} files`,
        floor: "create_sandbox",
        aim: 1.2,
        async ours() {
          const { sandboxes } = await call("fork_sandbox", { sandbox_id: first });
          if (Array.isArray(sandboxes)) made.push(Object(sandboxes[0])["id"]);
        },
        raw: async () => void (await create()),
      },
    ],
    async between() {
      for (const container of raws.splice(0)) await container.remove({ force: true });
      for (const sandbox_id of made.splice(1)) await call("delete_sandbox", { sandbox_id });
    },
    async end() {
      for (const container of [standing, ...raws]) await container.remove({ force: true });
      for (const sandbox_id of made.splice(0)) await call("delete_sandbox", { sandbox_id });
    },
  };
}

async function rawExec(container: Docker.Container): Promise<void> {
  const exec = await container.exec({ Cmd: ["true"], AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  stream.resume();
  await new Promise((resolve) => stream.once("end", resolve));
}

async function bubblewrapPairs(call: Call): Promise<Bench> {
  const { id } = await call("create_sandbox", { backend: "bubblewrap" });
  const argv =
    "--unshare-all --die-with-parent --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev --tmpfs /tmp -- /bin/true".split(
      " ",
    );
  return {
    pairs: [
      {
        what: "run_command true (bubblewrap)",
        floor: "bwrap true",
        aim: 1.3,
        ours: async () => void (await call("run_command", { sandbox_id: id, argv: ["true"] })),
        raw: () =>
          new Promise((resolve, reject) => {
            spawn("/usr/bin/bwrap", argv, { stdio: "ignore" })
              .once("error", reject)
              .once("exit", () => resolve());
          }),
      },
    ],
    between: async () => undefined,
    end: async () => void (await call("delete_sandbox", { sandbox_id: id })),
  };
}
