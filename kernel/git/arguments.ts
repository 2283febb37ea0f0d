import { DomainError } from "../errors.ts";

// The only place where an argument list for git is put together. Callers name a verb and its flags from this table and
// give values; a value can never become an option, because it follows "--end-of-options" or "--" or is glued to its flag.

interface VerbRule {
  readonly argv: readonly string[];
  /** Always given. */
  readonly always?: readonly string[];
  /** Flags without a value. */
  readonly flags: readonly string[];
  /** Flags with a value glued to them, such as `--max-count=`. */
  readonly valued: readonly string[];
}

const PATCH = [
  "--no-ext-diff",
  "--no-textconv",
  "--no-color",
  "--ignore-submodules=dirty",
  "--src-prefix=a/",
  "--dst-prefix=b/",
];
const PATCH_FLAGS = [
  "--raw",
  "--numstat",
  "--patch",
  "--name-only",
  "--name-status",
  "-z",
  "-r",
  "--root",
  "--cached",
  "--quiet",
  "--exit-code",
  "--no-renames",
  "--find-renames",
  "--full-index",
  "--binary",
  "--no-commit-id",
  "--merge-base",
] as const;
const PATCH_VALUED = ["--unified=", "--diff-filter="] as const;

const VERBS = {
  status: {
    argv: ["status"],
    always: ["--no-renames", "--ignore-submodules=dirty"],
    flags: [
      "--porcelain=v2",
      "--branch",
      "-z",
      "--untracked-files=all",
      "--untracked-files=normal",
      "--untracked-files=no",
      "--ignored=no",
    ],
    valued: [],
  },
  diff: { argv: ["diff"], always: PATCH, flags: PATCH_FLAGS, valued: PATCH_VALUED },
  diff_tree: { argv: ["diff-tree"], always: PATCH, flags: PATCH_FLAGS, valued: PATCH_VALUED },
  diff_index: { argv: ["diff-index"], always: PATCH, flags: PATCH_FLAGS, valued: PATCH_VALUED },
  diff_files: { argv: ["diff-files"], always: PATCH, flags: PATCH_FLAGS, valued: PATCH_VALUED },
  log: {
    argv: ["log"],
    always: [...PATCH, "--no-show-signature", "--no-decorate"],
    flags: [
      ...PATCH_FLAGS,
      "--first-parent",
      "--no-merges",
      "--no-walk",
      "--topo-order",
      "--reverse",
      "--date=raw",
      "--fixed-strings",
      "--regexp-ignore-case",
    ],
    valued: [...PATCH_VALUED, "--format=", "--max-count=", "--skip=", "--grep=", "-S"],
  },
  rev_list: {
    argv: ["rev-list"],
    flags: [
      "--count",
      "--left-right",
      "--first-parent",
      "--parents",
      "--no-merges",
      "--topo-order",
      "--reverse",
      "--objects",
    ],
    valued: ["--max-count=", "--skip="],
  },
  rev_parse: {
    argv: ["rev-parse"],
    flags: [
      "--verify",
      "--quiet",
      "--show-toplevel",
      "--absolute-git-dir",
      "--git-common-dir",
      "--path-format=absolute",
      "--is-inside-work-tree",
      "--is-bare-repository",
      "--symbolic-full-name",
    ],
    valued: ["--git-path="],
  },
  symbolic_ref: { argv: ["symbolic-ref"], flags: ["--quiet", "--short"], valued: ["-m"] },
  // A repository may name files of revisions to pass over, anywhere on the disk; git opens each of them.
  blame: {
    argv: ["blame"],
    always: ["--no-textconv", "--no-ignore-revs-file"],
    flags: ["--porcelain"],
    valued: ["-L"],
  },
  show_ref: { argv: ["show-ref"], flags: ["--verify", "--quiet"], valued: [] },
  for_each_ref: {
    argv: ["for-each-ref"],
    flags: [],
    valued: ["--format=", "--count=", "--points-at=", "--contains=", "--merged="],
  },
  update_ref: { argv: ["update-ref"], always: ["--stdin", "-z"], flags: ["--create-reflog"], valued: ["-m"] },
  check_ref_format: { argv: ["check-ref-format"], flags: ["--branch"], valued: [] },
  merge_base: { argv: ["merge-base"], flags: ["--all", "--is-ancestor", "--octopus"], valued: [] },
  merge_tree: {
    argv: ["merge-tree"],
    always: ["--write-tree"],
    flags: ["-z", "--name-only", "--messages", "--no-messages", "--allow-unrelated-histories", "--stdin"],
    valued: ["--merge-base="],
  },
  commit_tree: { argv: ["commit-tree"], always: ["--no-gpg-sign"], flags: [], valued: ["-p"] },
  read_tree: {
    argv: ["read-tree"],
    flags: ["-m", "-u", "-i", "--empty", "--reset", "--dry-run"],
    valued: [],
  },
  write_tree: { argv: ["write-tree"], flags: ["--missing-ok"], valued: [] },
  update_index: {
    argv: ["update-index"],
    flags: [
      "--add",
      "--remove",
      "--refresh",
      "-q",
      "-z",
      "--stdin",
      "--index-info",
      "--really-refresh",
      "--ignore-submodules",
    ],
    valued: [],
  },
  checkout_index: { argv: ["checkout-index"], flags: ["--all", "--quiet"], valued: ["--prefix="] },
  clean: { argv: ["clean"], flags: ["-ffdx", "--quiet"], valued: [] },
  reset: {
    argv: ["reset"],
    always: ["--no-recurse-submodules"],
    flags: ["--quiet", "--mixed", "--hard", "--keep", "--pathspec-from-file=-", "--pathspec-file-nul"],
    valued: [],
  },
  add: {
    argv: ["add"],
    flags: [
      "--all",
      "--force",
      "--intent-to-add",
      "--dry-run",
      "--pathspec-from-file=-",
      "--pathspec-file-nul",
    ],
    valued: [],
  },
  ls_files: {
    argv: ["ls-files"],
    flags: [
      "-z",
      "--cached",
      "--others",
      "--exclude-standard",
      "--stage",
      "--deleted",
      "--modified",
      "--unmerged",
      "--directory",
    ],
    valued: [],
  },
  ls_tree: {
    argv: ["ls-tree"],
    flags: ["-z", "-r", "-t", "-d", "--name-only", "--full-tree", "--long"],
    valued: [],
  },
  check_ignore: { argv: ["check-ignore"], flags: ["-z", "--stdin", "--quiet", "--no-index"], valued: [] },
  cat_file: {
    argv: ["cat-file"],
    flags: ["--batch", "--batch-check", "-e", "-t", "-s", "-p", "blob", "commit", "tree"],
    valued: [],
  },
  hash_object: { argv: ["hash-object"], flags: ["-w", "--stdin", "--no-filters"], valued: ["-t"] },
  apply: {
    argv: ["apply"],
    flags: ["--cached", "--index", "--check", "--binary", "--numstat", "-z", "--whitespace=nowarn"],
    valued: [],
  },
  archive: { argv: ["archive"], flags: ["--format=tar"], valued: [] },
  worktree_add: {
    argv: ["worktree", "add"],
    flags: ["--no-track", "--no-checkout", "--detach", "--quiet", "--force"],
    valued: ["-b"],
  },
  worktree_list: { argv: ["worktree", "list"], flags: ["--porcelain", "-z"], valued: [] },
  worktree_remove: { argv: ["worktree", "remove"], flags: ["--force"], valued: [] },
  branch: { argv: ["branch"], flags: ["--no-track", "--delete", "--force", "--move", "--list"], valued: [] },
  init: {
    argv: ["init"],
    flags: ["--quiet", "--bare"],
    valued: ["--initial-branch=", "--template=", "--object-format="],
  },
  clone: {
    argv: ["clone"],
    always: ["--no-recurse-submodules", "--no-local", "--template="],
    flags: ["--quiet", "--bare", "--no-checkout", "--no-tags", "--single-branch"],
    valued: ["--depth=", "--branch=", "--origin="],
  },
  fetch: {
    argv: ["fetch"],
    always: [
      "--no-recurse-submodules",
      "--no-auto-maintenance",
      "--no-write-fetch-head",
      "--no-show-forced-updates",
    ],
    flags: ["--quiet", "--no-tags", "--prune"],
    valued: ["--depth="],
  },
  push: {
    argv: ["push"],
    always: ["--no-recurse-submodules", "--no-signed", "--no-follow-tags", "--porcelain"],
    flags: ["--quiet", "--atomic"],
    valued: ["--force-with-lease=", "--receive-pack="],
  },
  config_get: {
    argv: ["config"],
    always: ["--local", "--no-includes", "--null"],
    flags: ["--get-all"],
    valued: [],
  },
  config_includes: {
    argv: ["config"],
    always: ["--no-includes", "--null", "--get-regexp"],
    flags: [],
    valued: ["--file="],
  },
  config_keys: {
    argv: ["config"],
    always: ["--no-includes", "--list", "--name-only", "-z"],
    flags: [],
    valued: ["--file="],
  },
  run_hook: { argv: ["hook", "run"], always: ["--ignore-missing"], flags: [], valued: [] },
  version: { argv: ["version"], flags: [], valued: [] },
} as const satisfies Readonly<Record<string, VerbRule>>;

export type GitVerb = keyof typeof VERBS;
type ValuedOf<V extends GitVerb> = (typeof VERBS)[V]["valued"][number];
export type GitFlag<V extends GitVerb> = (typeof VERBS)[V]["flags"][number] | `${ValuedOf<V>}${string}`;

/** A checked command line: the verb with everything after it. Made by `gitCommand` only. */
export interface GitArguments {
  readonly verb: GitVerb;
  readonly argv: readonly string[];
}

export interface GitValues {
  /** Object ids and ref names, or for verbs without revisions their plain values. */
  readonly revisions?: readonly string[];
  /** File names relative to the worktree, taken literally; given after "--". */
  readonly paths?: readonly string[];
}

const MAX_CHARS = 4096;
const CONTROL = /[\u0000-\u001f\u007f]/;
// These parse their arguments by hand and do not know the marker; their values may not start with "-" anyway.
const WITHOUT_MARKER: ReadonlySet<GitVerb> = new Set(["blame", "check_ref_format", "run_hook", "version"]);

/**
 * Builds `verb flags --end-of-options revisions -- paths`.
 * @throws {DomainError} invalid when a value is empty, starts with "-", holds a control character or is too long.
 */
export function gitCommand<V extends GitVerb>(
  verb: V,
  flags: readonly GitFlag<V>[] = [],
  values: GitValues = {},
): GitArguments {
  const rule: VerbRule = VERBS[verb];
  for (const flag of flags) assertFlag(rule, flag);
  const revisions = values.revisions ?? [];
  const paths = values.paths;
  for (const revision of revisions) assertRevision(revision);
  for (const path of paths ?? []) assertPathArgument(path);
  const marker = revisions.length > 0 && !WITHOUT_MARKER.has(verb) ? ["--end-of-options"] : [];
  return {
    verb,
    argv: [
      ...rule.argv,
      ...(rule.always ?? []),
      ...flags,
      ...marker,
      ...revisions,
      ...(paths === undefined ? [] : ["--", ...paths]),
    ],
  };
}

/** @throws {DomainError} invalid unless the text can be handed to git as a revision. */
export function assertRevision(revision: string): void {
  assertValue(revision, "the revision");
  if (revision.startsWith("-")) {
    throw new DomainError("invalid", "a revision may not start with '-'", {
      hint: "give a branch name or an object id",
    });
  }
}

function assertPathArgument(path: string): void {
  assertValue(path, "the path");
}

function assertValue(value: string, what: string): void {
  if (value.length === 0)
    throw new DomainError("invalid", `${what} is empty`, { hint: "leave it out or give a value" });
  if (value.length > MAX_CHARS) {
    throw new DomainError("invalid", `${what} has more than ${MAX_CHARS} characters`, {
      hint: "give a shorter one",
    });
  }
  if (CONTROL.test(value) || !value.isWellFormed()) {
    throw new DomainError("invalid", `${what} contains a control character`, {
      hint: "give it without control characters",
    });
  }
}

/** The types already say this for our own code; the check also holds for values glued to a flag. */
function assertFlag(rule: VerbRule, flag: string): void {
  if (rule.flags.includes(flag)) return;
  const prefix = rule.valued.find((candidate) => flag.startsWith(candidate));
  if (prefix === undefined)
    throw new DomainError("invalid", "this option is not offered", { hint: "use the tool's own arguments" });
  const value = flag.slice(prefix.length);
  if (value.length > MAX_CHARS || value.includes("\u0000")) {
    throw new DomainError("invalid", "the value of an option is malformed", {
      hint: "give a shorter one without NUL",
    });
  }
  if (prefix === "-b") assertRevision(value);
}
