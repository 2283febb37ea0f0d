import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { DomainError } from "../../kernel/errors.ts";
import { gitCommand, type GitArguments } from "../../kernel/git/arguments.ts";
import { gitOutside } from "../../kernel/git/open.ts";
import { runGit, type RunOptions } from "../../kernel/git/run.ts";
import type { Instance } from "./instance.ts";
import { parseHunks } from "./hunks.ts";
import { isTestPath, type ChangedFile } from "./variants.ts";

/** A store of objects with everything that the repositories of one instance are made of. */
export interface BenchRepository {
  /** The commit every variant begins at: the base, with the tests that came with the change. */
  readonly base: string;
  readonly change: readonly ChangedFile[];
  /** The texts of the tests that tell, by path, as they are in the base. */
  readonly tests: ReadonlyMap<string, string>;
  /** The text of a file of the base; null where there is none. */
  textOf(path: string): Promise<string | null>;
  /** A commit with other contents in the base's place. */
  commitWith(contents: ReadonlyMap<string, string | null>): Promise<string>;
  /** Makes a repository whose `main` stands at a commit, in a folder that is not there yet. */
  layOut(commit: string, folder: string): Promise<void>;
}

interface Places {
  /** An empty folder for the objects, below the folder that the servers may read. */
  readonly store: string;
  /** What a relative path of an instance is relative to, and where checkouts of `owner/name` lie. */
  readonly from: readonly string[];
  readonly path: string;
  readonly gitHome: string;
}

/** A patch or a history may be large, and a clone slow. */
const CLONE_MS = 900_000;

/**
 * Takes the history of an instance's repository over and prepares its base and its right change. The source is only
 * read; nothing of its configuration is taken or run.
 *
 * @throws {DomainError} not_found for a repository or commit that is not there; invalid for a patch that does not apply.
 */
export async function openBenchRepository(
  instance: Instance,
  { store, from, path, gitHome }: Places,
): Promise<BenchRepository> {
  await mkdir(dirname(store), { recursive: true, mode: 0o700 });
  const source = sourceOf(instance, from);
  const place = (directory: string): Parameters<typeof runGit>[0] =>
    gitOutside({ directory, path, home: gitHome, protocols: ["file", "https"] });
  const outside = place(dirname(store));
  if (source === null) {
    await must(
      outside,
      gitCommand("init", ["--quiet", "--initial-branch=main", "--template="], {
        revisions: [store],
      }),
    );
  } else {
    const cloned = await runGit(
      outside,
      gitCommand("clone", ["--quiet", "--no-checkout"], { revisions: [source, store] }),
      { timeoutMs: CLONE_MS },
    );
    if (cloned.code !== 0)
      throw new DomainError("not_found", `the repository of ${instance.id} could not be read`, {
        hint: "check its repo; a checkout may also lie beside the file, or below --repos DIR",
        cause: cloned.stderr,
      });
  }
  const git = place(store);
  let serial = 0;
  /** Runs commands over an index of their own that holds a commit, and makes a commit of what is in it then. */
  const commitFrom = async (
    parent: string | null,
    message: string,
    change: (env: Readonly<Record<string, string>>) => Promise<void>,
  ): Promise<string> => {
    serial += 1;
    const env = { GIT_INDEX_FILE: join(store, `bench-${serial}.index`) };
    if (parent === null) await must(git, gitCommand("read_tree", ["--empty"]), { env });
    else await must(git, gitCommand("read_tree", [], { revisions: [parent] }), { env });
    await change(env);
    const tree = await must(git, gitCommand("write_tree"), { env });
    const parents = parent === null ? [] : ([`-p${parent}`] as const);
    return must(git, gitCommand("commit_tree", parents, { revisions: [tree] }), {
      input: `${message}\n`,
      env: { GIT_AUTHOR_DATE: DATE, GIT_COMMITTER_DATE: DATE },
    });
  };
  const put = async (
    contents: ReadonlyMap<string, string | null>,
    env: Readonly<Record<string, string>>,
    modes: ReadonlyMap<string, string>,
  ): Promise<void> => {
    let entries = "";
    for (const [name, content] of contents) {
      if (content === null) entries += `0 ${"0".repeat(40)}\t${name}\0`;
      else {
        const blob = await must(git, gitCommand("hash_object", ["-w", "--stdin", "--no-filters"]), {
          input: content,
        });
        entries += `${modes.get(name) ?? "100644"} ${blob}\t${name}\0`;
      }
    }
    await must(git, gitCommand("update_index", ["-z", "--index-info"]), { env, input: entries });
  };
  const patched = async (parent: string, patch: string, what: string): Promise<string> =>
    patch === ""
      ? parent
      : commitFrom(parent, what, async (env) => {
          const applied = await runGit(git, gitCommand("apply", ["--cached", "--whitespace=nowarn"]), {
            env,
            input: patch,
          });
          if (applied.code !== 0)
            throw new DomainError("invalid", `the ${what} of ${instance.id} does not apply to its base`, {
              hint: "check base_commit and the patch",
              cause: applied.stderr,
            });
        });

  const begin =
    source === null
      ? await commitFrom(null, "base", (env) => put(new Map(Object.entries(instance.files)), env, new Map()))
      : await commitNamed(git, instance);
  const withTests = await patched(begin, instance.testPatch, "test patch");
  const right = await patched(withTests, instance.patch, "patch");
  const textAt = async (commit: string, name: string): Promise<string | null> => {
    const { code, stdout } = await runGit(
      git,
      gitCommand("cat_file", ["blob"], { revisions: [`${commit}:${name}`] }),
    );
    if (code !== 0) return null;
    // Only text can be played with; the rest of a change is taken over as a patch would, or not at all.
    const text = stdout.toString("utf8");
    return Buffer.from(text, "utf8").equals(stdout) ? text : null;
  };
  const pathsBetween = async (one: string, other: string): Promise<readonly string[]> =>
    splitNul(
      await must(git, gitCommand("diff", ["--name-only", "--no-renames", "-z"], { revisions: [one, other] })),
    );

  // Tests inside the right change belong to the ground it is judged on, where they were not given apart.
  const touched = await pathsBetween(withTests, right);
  const own = instance.testPatch === "" ? touched.filter(isTestPath) : [];
  const ownTexts = await Promise.all(
    own.map(async (name): Promise<[string, string | null]> => [name, await textAt(right, name)]),
  );
  const base =
    own.length === 0 || own.length === touched.length
      ? withTests
      : await commitFrom(withTests, "tests", (env) => put(new Map(ownTexts), env, new Map()));
  const change: ChangedFile[] = [];
  for (const name of await pathsBetween(base, right)) {
    const [before, after] = await Promise.all([textAt(base, name), textAt(right, name)]);
    const diff =
      before === null || after === null
        ? ""
        : await must(
            git,
            gitCommand("diff", ["--unified=0", "--no-renames"], { revisions: [base, right], paths: [name] }),
          );
    change.push({ path: name, before, after, hunks: parseHunks(diff) });
  }
  if (change.length === 0)
    throw new DomainError("invalid", `the patch of ${instance.id} changes nothing but tests`, {
      hint: "give the tests in test_patch and the change in patch",
    });
  const testPaths = instance.testPatch === "" ? own : await pathsBetween(begin, withTests);
  const tests = new Map<string, string>();
  for (const name of testPaths) {
    const text = await textAt(base, name);
    if (text !== null) tests.set(name, text);
  }
  return {
    base,
    change,
    tests,
    textOf: (name) => textAt(base, name),
    commitWith: (contents) => commitFrom(base, "variant", (env) => put(contents, env, new Map())),
    async layOut(commit, folder) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const fresh = place(folder);
      await must(fresh, gitCommand("init", ["--quiet", "--initial-branch=main", "--template="]));
      await mkdir(join(folder, ".git", "objects", "info"), { recursive: true });
      await writeFile(
        join(folder, ".git", "objects", "info", "alternates"),
        `${join(realpathSync(store), ".git", "objects")}\n`,
      );
      if (existsSync(join(store, ".git", "shallow")))
        await copyFile(join(store, ".git", "shallow"), join(folder, ".git", "shallow"));
      await must(fresh, gitCommand("update_ref"), { input: `create refs/heads/main\0${commit}\0` });
      await must(fresh, gitCommand("reset", ["--hard", "--quiet"]));
    },
  };
}

/** The same instance makes the same commits, whenever it is played. */
const DATE = "1700000000 +0000";

async function commitNamed(git: Parameters<typeof runGit>[0], instance: Instance): Promise<string> {
  const name = instance.baseCommit === "" ? "HEAD" : instance.baseCommit;
  const { code, stdout } = await runGit(
    git,
    gitCommand("rev_parse", ["--verify", "--quiet"], { revisions: [`${name}^{commit}`] }),
  );
  if (code !== 0)
    throw new DomainError(
      "not_found",
      `the repository of ${instance.id} has no commit ${name.slice(0, 80)}`,
      {
        hint: "it must be reachable from a branch or tag of the repository",
      },
    );
  return stdout.toString("utf8").trim();
}

/** Where to clone from: a folder or bundle that is there, else a URL; null where the row brings its files. */
function sourceOf(instance: Instance, from: readonly string[]): string | null {
  const { repo } = instance;
  if (repo === "") return null;
  if (repo.startsWith("https://") || repo.startsWith("file://")) return repo;
  const names = [repo, repo.replaceAll("/", "__"), repo.split("/").at(-1) ?? repo];
  const places = isAbsolute(repo)
    ? [repo]
    : from.flatMap((folder) => names.map((name) => resolve(folder, name)));
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return `file://${encodeURI(realpathSync(found))}`;
  if (/^[\w.-]+\/[\w.-]+$/u.test(repo)) return `https://github.com/${repo}.git`;
  throw new DomainError("not_found", `there is no repository at ${repo} for ${instance.id}`, {
    hint: "give a folder, a bundle, an https URL or owner/name",
  });
}

function splitNul(text: string): readonly string[] {
  return text.split("\0").filter((part) => part !== "");
}

/** Runs git and gives back what it printed, without the last line end. */
async function must(
  place: Parameters<typeof runGit>[0],
  command: GitArguments,
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runGit(place, command, options);
  if (code !== 0)
    throw new DomainError("invalid_state", `git refused: ${command.verb}`, {
      hint: "look at the instance's repository and patches",
      cause: stderr,
    });
  return stdout.toString("utf8").replace(/\n$/u, "");
}
