import { join } from "node:path";
import { openGitBench, type GitBench } from "../../test/servers/git/git-server.ts";
import type { GitPlayground } from "../../test/support/git-repository.ts";
import { seededRandom } from "../statistics.ts";
import type { SoakPart } from "./soak-part.ts";

const FILES = 12;
const BRANCHES = 46;
const EDITS_OF_BRANCH = 4;
const CONFLICT = "conflict";

/**
 * A made-up history of branches that edit, add, move and delete the same few files, merged pair by pair: by plain
 * `git merge` in a checkout, and by our preview. Verdict, conflicted paths and resulting tree have to agree. Where all
 * conflicts are called mechanical, the resolution is compared with the lines that both sides really added.
 */
export const replayedMergesPart: SoakPart = {
  count: 1_000,
  async run({ from, count, reached }) {
    const bench = await openGitBench();
    const tally = { clean: 0, conflicts: 0, resolved: 0 };
    try {
      const repo = bench.ground.repository(join(bench.ground.app, "repo"), firstFiles());
      const branches = makeBranches(bench.ground, repo);
      const checkout = join(bench.ground.app, "checkout");
      bench.ground.git(repo, "worktree", "add", "--quiet", "--detach", checkout);
      const pairs = branches.flatMap((a, at) => branches.slice(at + 1).map((b) => [a, b] as const));
      if (pairs.length < count) throw new Error(`the history has ${pairs.length} pairs only`);
      for (const [number, [target, source]] of pairs.slice(0, count).entries()) {
        if (number < from) continue;
        if (number % 50 === 0) reached(number);
        await compare(bench, repo, checkout, target, source, tally);
      }
    } finally {
      await bench.close();
    }
    return [
      `${count - from} merges (${tally.clean} clean, ${tally.conflicts} with conflicts, ${tally.resolved} resolved mechanically)`,
      "every verdict, path and tree as git merge has them; 0 wrong resolutions",
    ];
  },
};

async function compare(
  bench: GitBench,
  repo: string,
  checkout: string,
  target: string,
  source: string,
  tally: { clean: number; conflicts: number; resolved: number },
): Promise<void> {
  const where = `${source} into ${target}`;
  const real = realMerge(bench.ground, checkout, target, source);
  const seen = await bench.must("preview_integration", { repo, source, target, max_tokens: 20_000 });
  const conflicts: readonly Record<string, unknown>[] = Array.isArray(seen["conflicts"])
    ? seen["conflicts"].map(Object)
    : [];
  const textual = conflicts.filter(({ level }) => level !== "semantic");
  const paths = textual.map(({ path }) => String(path)).toSorted();
  const isClean = textual.length === 0;
  if (isClean !== (real.tree !== CONFLICT))
    throw new Error(`${where}: git ${real.tree}, we ${String(seen["clean"])}`);
  if (isClean && seen["tree"] !== real.tree) throw new Error(`${where}: another tree`);
  if (paths.join() !== real.paths.join())
    throw new Error(`${where}: git ${real.paths.join()}, we ${paths.join()}`);
  if (isClean) tally.clean += 1;
  else tally.conflicts += 1;
  if (!isClean && textual.every(({ level }) => level === "mechanical")) {
    await checkResolution(bench, repo, target, source, paths);
    tally.resolved += 1;
  }
}

/** What git itself makes of it; the checkout is clean again afterwards. */
function realMerge(
  ground: GitPlayground,
  checkout: string,
  target: string,
  source: string,
): { readonly tree: string; readonly paths: readonly string[] } {
  ground.git(checkout, "checkout", "--quiet", "--force", "--detach", target);
  try {
    ground.git(checkout, "merge", "--quiet", "--no-ff", "--no-commit", source);
    return { tree: ground.git(checkout, "write-tree"), paths: [] };
  } catch {
    const unmerged = ground.git(checkout, "ls-files", "--unmerged").split("\n").filter(Boolean);
    const paths = new Set(unmerged.map((line) => line.slice(line.indexOf("\t") + 1)));
    return { tree: CONFLICT, paths: [...paths].toSorted() };
  } finally {
    ground.git(checkout, "reset", "--quiet", "--hard");
    ground.git(checkout, "clean", "--quiet", "-ffd");
  }
}

/** Resolves on a branch of its own and counts lines: those of both sides, each as often as it was written. */
async function checkResolution(
  bench: GitBench,
  repo: string,
  target: string,
  source: string,
  paths: readonly string[],
): Promise<void> {
  const { ground } = bench;
  ground.git(repo, "branch", "--force", "resolved", target);
  await bench.must("integrate_changes", {
    repo,
    source,
    target: "resolved",
    expected_source: ground.git(repo, "rev-parse", source),
    expected_target: ground.git(repo, "rev-parse", target),
    resolve: "mechanical",
  });
  const base = ground.git(repo, "merge-base", target, source);
  for (const path of paths) {
    const lines = (commit: string): readonly string[] =>
      ground.git(repo, "show", `${commit}:${path}`).split("\n");
    const wanted = new Map<string, number>();
    const add = (commit: string, by: number): void => {
      for (const line of lines(commit)) wanted.set(line, (wanted.get(line) ?? 0) + by);
    };
    // Common lines count once: both sides less what they started from.
    add(target, 1);
    add(source, 1);
    add(base, -1);
    for (const line of lines("resolved")) wanted.set(line, (wanted.get(line) ?? 0) - 1);
    // A comma that a list needs, or a line both sides wrote alike, is no content of either.
    const off = [...wanted].filter(([line, count]) => count !== 0 && line.trim().length > 1);
    if (off.length > 0) throw new Error(`${source} into ${target}, ${path}: ${JSON.stringify(off)}`);
  }
}

function firstFiles(): Readonly<Record<string, string>> {
  const files: Record<string, string> = {
    "package.json": `${JSON.stringify({ name: "made-up", dependencies: { alpha: "1.0.0", omega: "1.0.0" } }, null, 2)}\n`,
    "notes.md": "# Notes\n\n- first\n",
  };
  for (let at = 0; at < FILES; at += 1)
    files[`src/file-${at}.ts`] = Array.from(
      { length: 6 },
      (_, number) => `export function f${at}_${number}(): number {\n  return ${number};\n}\n`,
    ).join("\n");
  return files;
}

/** Branches off main, each with a few edits of kinds that agents make. */
function makeBranches(ground: GitPlayground, repo: string): readonly string[] {
  const random = seededRandom(11);
  const pick = (below: number): number => Math.floor(random() * below);
  const names: string[] = [];
  for (let number = 0; number < BRANCHES; number += 1) {
    const name = `work-${number}`;
    ground.git(repo, "switch", "--quiet", "--create", name, "main");
    for (let edit = 0; edit < EDITS_OF_BRANCH; edit += 1) editOnce(ground, repo, pick, `${number}_${edit}`);
    ground.git(repo, "add", "--all");
    ground.git(repo, "commit", "--quiet", "--allow-empty", `--message=${name}`);
    names.push(name);
  }
  ground.git(repo, "switch", "--quiet", "main");
  return names;
}

function editOnce(ground: GitPlayground, repo: string, pick: (below: number) => number, mark: string): void {
  const path = `src/file-${pick(FILES)}.ts`;
  const text = (file: string): string => {
    try {
      return ground.git(repo, "cat-file", "blob", `:${file}`);
    } catch {
      return "";
    }
  };
  const now = text(path);
  switch (pick(8)) {
    // Two that append at one place are the commonest conflict of all, and mechanical.
    case 0:
    case 1:
      return ground.write(repo, {
        [path]: `${now}\n\nexport function added_${mark}(): number {\n  return 0;\n}\n`,
      });
    case 2:
      return ground.write(repo, {
        [path]: `${now.replace("return 2;", `return 2_${mark.replace("_", "")};`)}\n`,
      });
    case 3:
      return ground.write(repo, { [path]: `import { x_${mark} } from "./x.ts";\n${now}\n` });
    case 4:
      return ground.write(repo, { "notes.md": `${text("notes.md")}\n- note ${mark}\n` });
    case 5:
      return ground.write(repo, {
        "package.json": `${text("package.json").replace('"omega"', `"dep-${mark}": "1.0.0",\n    "omega"`)}\n`,
      });
    case 6:
      if (now !== "") ground.git(repo, "rm", "--quiet", "--force", path);
      return;
    default:
      return ground.write(repo, {
        [`src/new-${mark.split("_")[1] ?? ""}.ts`]: `export const n = "${mark}";\n`,
      });
  }
}
