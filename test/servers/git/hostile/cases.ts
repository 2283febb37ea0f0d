import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Act } from "./act.ts";
import type { HostileWorld } from "./world.ts";

/** One way in which a repository, or a caller who was talked into it, attacks the machine of whoever serves it. */
export interface HostileCase {
  readonly name: string;
  /** Prepares the repository; what it returns takes the repository's place. */
  readonly plant?: (repo: string, world: HostileWorld) => unknown;
  readonly acts: (repo: string, world: HostileWorld) => readonly Act[];
  /** What a safe server answers to the last act, or to all of them. */
  readonly expect: "done" | "refused" | "all refused" | "any";
  readonly says?: RegExp;
  readonly hides?: RegExp;
  /** Says what is wrong afterwards, or nothing. */
  readonly check?: (repo: string, world: HostileWorld) => string | undefined;
  /** What plain git does to spring the trap: a payload that never runs would prove nothing. */
  readonly spring?: readonly string[];
}

type Plant = NonNullable<HostileCase["plant"]>;

const config =
  (text: (world: HostileWorld) => string, attributes?: string): Plant =>
  (repo, world) => {
    world.put(repo, ".git/config", text(world));
    if (attributes !== undefined) world.put(repo, ".git/info/attributes", `${attributes}\n`);
    world.put(repo, "b.txt", "changed\n");
  };
const status = (repo: string): Act => ({ do: "status", repo });
const diff = (repo: string): Act => ({ do: "diff", repo });
const log = (repo: string): Act => ({ do: "log", repo });
const show = (repo: string): Act => ({ do: "show", repo, ref: "HEAD" });
const commit = (repo: string, ...paths: readonly string[]): Act => ({
  do: "commit",
  repo,
  paths: paths.length === 0 ? ["b.txt"] : paths,
});
const merge = (repo: string, source = "clean"): Act => ({ do: "merge", repo, source });
const fetch = (repo: string): Act => ({ do: "fetch", repo });
const push = (repo: string): Act => ({ do: "push", repo });
const worktree = (repo: string, branch = "task", path = `${repo}-task`): Act => ({
  do: "worktree",
  repo,
  branch,
  path,
});
const origin = (url: string, more = ""): string => `[remote "evil"]\n\turl = "${url}"\n${more}`;
const fetchEvil = (repo: string): readonly Act[] => [{ do: "fetch", repo, remote: "evil" }];

/** Settings of the repository that run a program: key, attributes, what calls it, and how plain git would. */
const programs: readonly HostileCase[] = (
  [
    ["core.fsmonitor", ({ payload }) => `[core]\n\tfsmonitor = "${payload}"`, undefined, status, ["status"]],
    ["diff.external", ({ program }) => `[diff]\n\texternal = ${program}`, undefined, diff, ["diff"]],
    ["diff.x.command", ({ program }) => `[diff "x"]\n\tcommand = ${program}`, "*.txt diff=x", diff, ["diff"]],
    [
      "diff.x.textconv on a diff",
      ({ program }) => `[diff "x"]\n\ttextconv = ${program}`,
      "*.txt diff=x",
      diff,
      ["diff"],
    ],
    [
      "diff.x.textconv on a commit shown",
      ({ program }) => `[diff "x"]\n\ttextconv = ${program}`,
      "*.txt diff=x",
      show,
      ["show", "HEAD"],
    ],
    [
      "diff.x.textconv on blame",
      ({ program }) => `[diff "x"]\n\ttextconv = ${program}`,
      "*.txt diff=x",
      (repo) => ({ do: "blame", repo, path: "a.txt" }),
      ["blame", "a.txt"],
    ],
    [
      "filter.x.clean on a commit",
      ({ payload }) => `[filter "x"]\n\tclean = "${payload}; cat"\n\trequired`,
      "*.txt filter=x",
      commit,
      ["add", "b.txt"],
    ],
    [
      "filter.x.clean on status",
      ({ payload }) => `[filter "x"]\n\tclean = "${payload}; cat"`,
      "*.txt filter=x",
      status,
      ["status"],
    ],
    [
      "filter.x.smudge on a new worktree",
      ({ payload }) => `[filter "x"]\n\tsmudge = "${payload}; cat"`,
      "*.txt filter=x",
      worktree,
      ["checkout", "--", "b.txt"],
    ],
    [
      "filter with = in its name",
      ({ payload }) => `[filter "x=y"]\n\tprocess = "${payload}"`,
      "*.txt filter=x=y",
      commit,
      ["add", "b.txt"],
    ],
    [
      "filter.lfs where nobody allowed LFS",
      ({ payload }) => `[filter "lfs"]\n\tclean = "${payload}; cat"\n\tsmudge = "${payload}; cat"`,
      "*.txt filter=lfs",
      commit,
      ["add", "b.txt"],
    ],
    [
      "merge.x.driver",
      ({ payload }) => `[merge "x"]\n\tdriver = "${payload}; false"`,
      "*.txt merge=x",
      (repo) => merge(repo, "other"),
      ["merge-tree", "--write-tree", "main", "other"],
      "refused",
    ],
    [
      "gpg.program on a commit",
      ({ program }) => `[gpg]\n\tprogram = ${program}\n[commit]\n\tgpgSign = true`,
      undefined,
      commit,
      ["commit", "--allow-empty", "-m", "x"],
    ],
    [
      "gpg.ssh.program and defaultKeyCommand",
      ({ program }) =>
        `[gpg]\n\tformat = ssh\n[gpg "ssh"]\n\tprogram = ${program}\n\tdefaultKeyCommand = ${program}\n[commit]\n\tgpgSign = true`,
      undefined,
      commit,
      ["commit", "--allow-empty", "-m", "x"],
    ],
    ["core.editor", ({ program }) => `[core]\n\teditor = ${program}`, undefined, commit],
    ["pager.log", ({ payload }) => `[pager]\n\tlog = "${payload}"`, undefined, log],
    ["alias.status", ({ payload }) => `[alias]\n\tstatus = "!${payload}"`, undefined, status],
    [
      "trailer.task.command",
      ({ payload }) => `[trailer "task"]\n\tcmd = "${payload}"\n\tkey = Task`,
      undefined,
      (repo) => ({ do: "commit", repo, paths: ["b.txt"], trailers: { Task: "tsk_1" } }),
    ],
  ] satisfies readonly (readonly [
    string,
    (world: HostileWorld) => string,
    string | undefined,
    (repo: string) => Act,
    (readonly string[])?,
    HostileCase["expect"]?,
  ])[]
).map(([name, text, attributes, act, spring, expected]): HostileCase => ({
  name: `setting: ${name}`,
  plant: config(text, attributes),
  acts: (repo) => [act(repo)],
  expect: expected ?? "done",
  ...(spring === undefined ? {} : { spring }),
}));

function signHead(repo: string, { ground, put }: HostileWorld): void {
  const raw = ground
    .git(repo, "cat-file", "commit", "HEAD")
    .replace("\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n eA==\n -----END PGP SIGNATURE-----\n\n");
  put(repo, ".git/signed", `${raw}\n`);
  ground.git(
    repo,
    "update-ref",
    "HEAD",
    ground.git(repo, "hash-object", "-t", "commit", "-w", ".git/signed"),
  );
}

const HOOKS = [
  "pre-commit",
  "prepare-commit-msg",
  "commit-msg",
  "post-commit",
  "pre-merge-commit",
  "post-merge",
  "post-checkout",
  "post-index-change",
  "reference-transaction",
  "post-rewrite",
  "pre-push",
  "fsmonitor-watchman",
];

const hook = (folder: string, world: HostileWorld, ...names: readonly string[]): void => {
  mkdirSync(folder, { recursive: true });
  for (const name of names) copyFileSync(world.program, join(folder, name));
};

/** The same, where more has to be prepared. */
const ownCode: readonly HostileCase[] = [
  {
    name: "hooks in their usual place: commit, branch, merge, worktree, fetch, push",
    plant: (repo, world) => {
      hook(join(repo, ".git/hooks"), world, ...HOOKS);
      world.put(repo, "b.txt", "changed\n");
    },
    acts: (repo) => [
      commit(repo),
      { do: "branch", repo, how: "create", name: "x" },
      merge(repo),
      worktree(repo),
      fetch(repo),
      push(repo),
    ],
    expect: "any",
    spring: ["commit", "--all", "-m", "x"],
  },
  {
    name: "core.hooksPath in the worktree",
    plant: (repo, world) => {
      hook(join(repo, "evil"), world, ...HOOKS);
      config(() => "[core]\n\thooksPath = evil")(repo, world);
    },
    acts: (repo) => [commit(repo)],
    expect: "done",
    spring: ["commit", "--all", "-m", "x"],
  },
  {
    name: "log.showSignature with a gpg.program",
    plant: (repo, world) => {
      config(({ program }) => `[gpg]\n\tprogram = ${program}\n[log]\n\tshowSignature = true`)(repo, world);
      signHead(repo, world);
    },
    acts: (repo) => [log(repo)],
    expect: "done",
    spring: ["log"],
  },
  {
    name: "sequence.editor on a rebase",
    plant: (repo, { put, program }) => put(repo, ".git/config", `[sequence]\n\teditor = ${program}`),
    acts: (repo) => [{ do: "merge", repo, source: "clean", how: "rebase" }],
    expect: "done",
    spring: ["rebase", "--interactive", "clean"],
  },
];

/** Settings that lead git to other files or hosts, or that a host operation would run. */
const settings: readonly HostileCase[] = [
  {
    name: "config.worktree with a file system monitor",
    plant: (repo, world) => {
      world.put(repo, ".git/config", "[extensions]\n\tworktreeConfig = true");
      world.put(repo, ".git/config.worktree", `[core]\n\tfsmonitor = "${world.payload}"\n`);
    },
    acts: (repo) => [status(repo)],
    expect: "done",
    spring: ["status"],
  },
  {
    name: "include.path of a file with a file system monitor",
    plant: (repo, world) => {
      world.put(repo, "settings", `[core]\n\tfsmonitor = "${world.payload}"\n`);
      world.put(repo, ".git/config", "[include]\n\tpath = ../settings");
    },
    acts: (repo) => [status(repo)],
    expect: "refused",
    spring: ["status"],
  },
  {
    name: "includeIf of a file with a file system monitor",
    plant: (repo, world) => {
      world.put(repo, "settings", `[core]\n\tfsmonitor = "${world.payload}"\n`);
      world.put(repo, ".git/config", '[includeIf "onbranch:main"]\n\tpath = ../settings');
    },
    acts: (repo) => [status(repo)],
    expect: "refused",
    spring: ["status"],
  },
  {
    name: "a setting that appears between two calls",
    acts: (repo) => [status(repo), status(repo)],
    plant: (repo, world) => {
      world.put(repo, ".git/config", `[core]\n\tfsmonitor = "${world.payload}"`);
    },
    expect: "done",
    says: /core\.fsmonitor/,
    spring: ["status"],
  },
  ...(
    [
      [
        "core.sshCommand",
        ({ program }) => `[core]\n\tsshCommand = ${program}\n${origin("ssh://git@127.0.0.1:1/x")}`,
      ],
      [
        "credential.helper",
        ({ payload }) => `[credential]\n\thelper = "!${payload}"\n${origin("https://127.0.0.1:1/x")}`,
      ],
      ["core.askPass", ({ program }) => `[core]\n\taskPass = ${program}\n${origin("https://127.0.0.1:1/x")}`],
      ["core.gitProxy", ({ program }) => `[core]\n\tgitProxy = ${program}\n${origin("git://127.0.0.1:1/x")}`],
      [
        "remote.uploadpack",
        ({ app, program }) => origin(join(app, "origin.git"), `\tuploadpack = ${program}`),
      ],
      ["remote.vcs", ({ app }) => origin(join(app, "origin.git"), "\tvcs = ext")],
      [
        "an ext:: address with protocol.ext.allow",
        ({ payload }) =>
          `[protocol "ext"]\n\tallow = always\n${origin(`ext::sh -c ${payload.replace(" ", "% ")}`)}`,
      ],
      [
        "url.insteadOf",
        ({ payload, app }) =>
          `[protocol "ext"]\n\tallow = always\n[url "ext::sh -c ${payload.replace(" ", "% ")} "]\n\tinsteadOf = ${app}\n${origin(join(app, "origin.git"))}`,
      ],
      ["an address that is an option", ({ payload }) => origin(`--upload-pack=${payload}`)],
      ["a folder outside", ({ outside }) => origin(join(outside, "repo"))],
      ["a password in the address", () => origin("https://user:ghp_hidden@127.0.0.1:1/x")],
    ] satisfies readonly (readonly [string, (world: HostileWorld) => string])[]
  ).map(([name, text]): HostileCase => ({
    name: `fetch: ${name}`,
    plant: config(text),
    acts: fetchEvil,
    expect: "refused",
    hides: /ghp_hidden/,
  })),
  {
    name: "push: remote.receivepack",
    plant: config(({ app, program }) => origin(join(app, "origin.git"), `\treceivepack = ${program}`)),
    acts: (repo) => [{ do: "push", repo, remote: "evil" }],
    expect: "refused",
  },
  {
    name: "push: url.pushInsteadOf to a folder outside",
    plant: config(({ app, outside }) => `[url "${outside}/repo"]\n\tpushInsteadOf = ${app}/origin.git`),
    acts: (repo) => [push(repo)],
    expect: "refused",
  },
  {
    name: "a missing object of a partial clone with an ext:: promisor",
    plant: config(
      ({ payload }) =>
        `[remote "evil"]\n\turl = "ext::sh -c ${payload.replace(" ", "% ")}"\n\tpromisor = true\n[extensions]\n\tpartialClone = evil\n[protocol]\n\tallow = always`,
    ),
    acts: (repo) => [{ do: "show", repo, ref: "1".repeat(40) }],
    expect: "refused",
  },
  {
    name: "blame.ignoreRevsFile outside",
    plant: config(({ outside }) => `[blame]\n\tignoreRevsFile = ${outside}/secret.txt`),
    acts: (repo) => [{ do: "blame", repo, path: "a.txt" }],
    expect: "done",
  },
  {
    name: "core.worktree outside",
    plant: config(({ outside }) => `[core]\n\tworktree = ${outside}`),
    acts: (repo) => [diff(repo), status(repo)],
    expect: "refused",
  },
  {
    name: "init.templateDir with hooks",
    plant: (repo, world) => {
      hook(join(repo, "template/hooks"), world, "post-checkout");
      world.put(repo, ".git/config", `[init]\n\ttemplateDir = ${repo}/template`);
    },
    acts: (repo) => [{ do: "init", path: `${repo}-new` }, worktree(repo)],
    expect: "done",
  },
  {
    name: "a configuration that cannot be read",
    plant: config(() => "[core"),
    acts: (repo) => [status(repo)],
    expect: "refused",
  },
];

const replaced =
  (what: string, by: (repo: string, world: HostileWorld) => void): Plant =>
  (repo, world) => {
    rmSync(join(repo, what), { recursive: true, force: true });
    by(repo, world);
  };

/** Places that are not where they seem to be. */
const places: readonly HostileCase[] = [
  {
    name: "a link below the root to a repository outside",
    plant: (repo, { outside }) => symlinkSync(join(outside, "repo"), join(repo, "link")),
    acts: (repo) => [show(join(repo, "link")), log(join(repo, "link"))],
    expect: "all refused",
  },
  {
    name: "a .git file that points outside",
    plant: replaced(".git", (repo, { outside, put }) => put(repo, ".git", `gitdir: ${outside}/repo/.git\n`)),
    acts: (repo) => [show(repo), log(repo)],
    expect: "all refused",
  },
  {
    name: "a .git that is a link outside",
    plant: replaced(".git", (repo, { outside }) => symlinkSync(`${outside}/repo/.git`, join(repo, ".git"))),
    acts: (repo) => [log(repo)],
    expect: "refused",
  },
  {
    name: "a common folder outside",
    plant: (repo, { outside, put }) => put(repo, ".git/commondir", `${outside}/repo/.git\n`),
    acts: (repo) => [log(repo)],
    expect: "refused",
  },
  {
    name: "an object store that is a link outside",
    plant: replaced(".git/objects", (repo, { outside }) =>
      symlinkSync(`${outside}/repo/.git/objects`, join(repo, ".git/objects")),
    ),
    acts: (repo) => [commit(repo)],
    expect: "refused",
  },
  {
    name: "a borrowed object store outside",
    plant: (repo, { outside, put, ground }) => {
      put(repo, ".git/objects/info/alternates", `${outside}/repo/.git/objects\n`);
      put(repo, ".git/refs/heads/loot", `${ground.git(join(outside, "repo"), "rev-parse", "HEAD")}\n`);
    },
    acts: (repo) => [{ do: "show", repo, ref: "loot" }],
    expect: "refused",
  },
  {
    name: "refs that are a link outside",
    plant: replaced(".git/refs", (repo, { outside }) =>
      symlinkSync(`${outside}/repo/.git/refs`, join(repo, ".git/refs")),
    ),
    acts: (repo) => [{ do: "branch", repo, how: "create", name: "planted" }],
    expect: "refused",
  },
  {
    name: "a bare repository hidden in a worktree, with a file system monitor",
    plant: (repo, { payload, put }) => {
      for (const folder of ["objects", "refs/heads"])
        mkdirSync(join(repo, "vendor", folder), { recursive: true });
      put(repo, "vendor/HEAD", "ref: refs/heads/main\n");
      writeFileSync(
        join(repo, "vendor/config"),
        `[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = ${repo}\n\tfsmonitor = "${payload}"\n`,
      );
    },
    acts: (repo) => [status(join(repo, "vendor"))],
    expect: "refused",
    spring: ["-C", "vendor", "status"],
  },
  {
    name: "climbing out by ..",
    acts: (repo) => [status(`${repo}/../../outside/repo`), { do: "init", path: `${repo}/../../outside/new` }],
    expect: "all refused",
  },
  {
    name: "init outside",
    acts: (_repo, { outside }) => [{ do: "init", path: join(outside, "new") }],
    expect: "refused",
  },
  {
    name: "init through a link outside",
    plant: (repo, { outside }) => symlinkSync(outside, join(repo, "out")),
    acts: (repo) => [{ do: "init", path: join(repo, "out/new") }],
    expect: "refused",
  },
  {
    name: "a clone into a folder outside",
    acts: (repo, { outside }) => [{ do: "clone", path: join(outside, "copy"), url: repo }],
    expect: "refused",
  },
  {
    name: "a worktree in a folder outside, by path or by branch name",
    acts: (repo, { outside }) => [
      worktree(repo, "fine", join(outside, "tree")),
      worktree(repo, "../../../outside/tree", join(outside, "tree2")),
    ],
    expect: "refused",
  },
  ...(
    [
      ["a folder outside", ({ outside }) => join(outside, "repo")],
      ["a folder outside as file://", ({ outside }) => `file://${outside}/repo`],
      ["ext::", ({ payload }) => `ext::sh -c ${payload.replace(" ", "% ")}`],
      ["an option", ({ payload }) => `--upload-pack=${payload}`],
      ["an option as the host", ({ payload }) => `ssh://-oProxyCommand=${payload.replace(" ", "%20")}/x`],
      ["an option as the user", () => "git@-oProxyCommand=x:y"],
      ["a password", () => "https://user:ghp_hidden@127.0.0.1:1/x"],
      ["another protocol of this machine", () => "http://127.0.0.1:1/x"],
    ] satisfies readonly (readonly [string, (world: HostileWorld) => string])[]
  ).map(([name, url]): HostileCase => ({
    name: `a clone from ${name}`,
    acts: (repo, world) => [{ do: "clone", path: `${repo}-copy`, url: url(world) }],
    expect: "refused",
    hides: /ghp_hidden/,
  })),
];

/** Values that are not what they should be. */
const values: readonly HostileCase[] = [
  {
    name: "a commit that is an option which writes a file",
    acts: (repo, { outside }) => [
      { do: "show", repo, ref: `--output=${outside}/written` },
      { do: "log", repo, ref: `--output=${outside}/written` },
      { do: "diff", repo, from: `--output=${outside}/written` },
    ],
    expect: "all refused",
  },
  {
    name: "an option that lies on disk as a branch",
    plant: (repo, { put, ground }) =>
      put(repo, ".git/refs/heads/--output=x", `${ground.git(repo, "rev-parse", "HEAD")}\n`),
    acts: (repo) => [{ do: "diff", repo, from: "--output=x" }],
    expect: "refused",
    check: (repo) => (existsSync(join(repo, "x")) ? "x was written" : undefined),
  },
  {
    name: "paths that are options to read a file outside",
    acts: (repo, { outside }) => [
      { do: "diff", repo, paths: ["--no-index", `${outside}/secret.txt`] },
      { do: "log", repo, paths: [`--output=${outside}/written`] },
      { do: "blame", repo, path: `--contents=${outside}/secret.txt` },
    ],
    expect: "refused",
  },
  {
    name: "paths outside",
    acts: (repo, { outside }) => [
      { do: "diff", repo, paths: [`${outside}/secret.txt`] },
      { do: "blame", repo, path: "../../outside/secret.txt" },
      commit(repo, "../../outside/secret.txt"),
      commit(repo, `${outside}/secret.txt`),
    ],
    expect: "all refused",
  },
  ...["-", "@{-9}", ":/first", "HEAD^{/(a+)+$}", "a\u0000b", "a\nb", "x".repeat(5000), "main..other"].map(
    (ref): HostileCase => ({
      name: `the commit ${JSON.stringify(ref.slice(0, 20))}`,
      acts: (repo) => [{ do: "show", repo, ref }],
      expect: "refused",
    }),
  ),
  ...["-D", "--force", "a b", "x.lock", "refs/heads/x", "a\u202eb", "MAIN", "main/below", "$(touch x)"].map(
    (name): HostileCase => ({
      name: `the branch ${JSON.stringify(name)}`,
      acts: (repo) => [{ do: "branch", repo, how: "create", name }],
      expect: "refused",
      check: (repo) =>
        readFileSync(join(repo, ".git/HEAD"), "utf8") === "ref: refs/heads/main\n" ? undefined : "HEAD moved",
    }),
  ),
  ...[
    ":(exclude)a.txt",
    ":!a.txt",
    "*.txt",
    "--all",
    ".git/hooks/pre-commit",
    ".GIT/config",
    ".git ",
    "git~1/config",
  ].map((path): HostileCase => ({
    name: `the path to commit ${JSON.stringify(path)}`,
    plant: (repo, { put }) => put(repo, "b.txt", "changed\n"),
    acts: (repo) => [commit(repo, path)],
    expect: "refused",
  })),
  {
    name: "a path behind a link outside",
    plant: (repo, { outside }) => symlinkSync(outside, join(repo, "out")),
    acts: (repo) => [commit(repo, "out/secret.txt")],
    expect: "refused",
  },
  {
    name: "a link to a file outside is kept as a link, told of, and not followed",
    plant: (repo, { outside }) => symlinkSync(join(outside, "secret.txt"), join(repo, "link")),
    acts: (repo) => [diff(repo), commit(repo, "link")],
    expect: "done",
    says: /link_outside/,
  },
  {
    name: "a named pipe in the worktree does not hold anything up",
    plant: (repo) => execFileSync("mkfifo", [join(repo, "pipe")]),
    acts: (repo) => [status(repo), commit(repo, "pipe")],
    expect: "refused",
  },
  {
    name: "a message and a trailer that hide a second trailer",
    plant: (repo, { put }) => put(repo, "b.txt", "changed\n"),
    acts: (repo) => [
      { do: "commit", repo, paths: ["b.txt"], message: "m\u001b[31m" },
      { do: "commit", repo, paths: ["b.txt"], trailers: { Task: "x\nSigned-off-by: Ann" } },
    ],
    expect: "all refused",
  },
];

/** Content that is no plain text, states that are no plain repository. */
const contents: readonly HostileCase[] = [
  {
    name: "names and bytes that are no UTF-8",
    plant: (repo) => {
      writeFileSync(Buffer.concat([Buffer.from(`${repo}/bad-`), Buffer.from([0xff])]), "x");
      writeFileSync(join(repo, "b.txt"), Buffer.from([0x63, 0xe9, 0x0a]));
    },
    acts: (repo) => [status(repo), diff(repo)],
    expect: "done",
  },
  {
    name: "escapes and turned-round text in names, messages and files",
    plant: (repo, { put, ground }) => {
      put(repo, "b.txt", "\u001b[31mred\u202e\u200b\n");
      put(repo, "na\u001bme\u202e.txt", "x\n");
      ground.git(repo, "add", "--all");
      ground.git(
        repo,
        "commit",
        "--quiet",
        "--message=ti\u001b[2Jtle\u202e",
        "--author=E\u001bve <e\u202e@x>",
      );
    },
    acts: (repo) => [status(repo), log(repo), show(repo)],
    expect: "done",
    hides: /\u001b|\\u001b|\u202e|\\u202e/,
  },
  {
    name: "a patch of 20 MB",
    plant: (repo, { put }) => put(repo, "b.txt", "long line of a file\n".repeat(1_000_000)),
    acts: (repo) => [diff(repo)],
    expect: "done",
  },
  {
    name: "a binary file, and a pointer of LFS",
    plant: (repo, { put }) => {
      put(repo, "b.txt", Buffer.from([0, 1, 2]));
      put(
        repo,
        "a.txt",
        `version https://git-lfs.github.com/spec/v1\noid sha256:${"1".repeat(64)}\nsize 9\n`,
      );
    },
    acts: (repo) => [diff(repo)],
    expect: "done",
  },
  {
    name: "before the first commit",
    plant: (repo) => writeFileSync(join(repo, ".git/HEAD"), "ref: refs/heads/unborn\n"),
    acts: (repo) => [status(repo), log(repo)],
    expect: "done",
  },
  {
    name: "a head that climbs out of the folder of refs",
    plant: (repo) => writeFileSync(join(repo, ".git/HEAD"), "ref: refs/heads/../../../../outside/secret\n"),
    acts: (repo) => [log(repo), commit(repo)],
    expect: "refused",
  },
  {
    name: "a head that is no branch",
    plant: (repo, { ground }) =>
      writeFileSync(join(repo, ".git/HEAD"), `${ground.git(repo, "rev-parse", "main")}\n`),
    acts: (repo) => [status(repo)],
    expect: "done",
    says: /"detached":true/,
  },
  {
    name: "a shallow history",
    plant: (repo, { ground, put }) => put(repo, ".git/shallow", `${ground.git(repo, "rev-parse", "main")}\n`),
    acts: (repo) => [{ do: "blame", repo, path: "b.txt" }, log(repo)],
    expect: "done",
    says: /"shallow":true/,
  },
  {
    name: "replaced and grafted commits count for nothing",
    plant: (repo, { ground, put }) => {
      const main = ground.git(repo, "rev-parse", "main");
      put(repo, `.git/refs/replace/${main}`, `${ground.git(repo, "rev-parse", "other")}\n`);
    },
    acts: (repo) => [show(repo)],
    expect: "done",
    says: /main goes on/,
  },
  {
    name: "a locked index is waited for, told of and left alone",
    plant: (repo, { put }) => {
      put(repo, "b.txt", "changed\n");
      put(repo, ".git/index.lock", "");
    },
    acts: (repo) => [commit(repo)],
    expect: "done",
    says: /stale_lock/,
    check: (repo) => (existsSync(join(repo, ".git/index.lock")) ? undefined : "the lock was removed"),
  },
  {
    name: "an index that is damaged",
    plant: (repo, { put }) => put(repo, ".git/index", "DIRC nonsense"),
    acts: (repo) => [status(repo)],
    expect: "refused",
  },
  {
    name: "a conflict leaves the repository as it was",
    acts: (repo) => [merge(repo, "other")],
    expect: "refused",
    check: (repo) =>
      existsSync(join(repo, ".git/MERGE_HEAD")) || readFileSync(join(repo, "a.txt"), "utf8").includes("<<<<")
        ? "the merge is half done"
        : undefined,
  },
  {
    name: "unsaved work in the way of a switch and of a merge",
    plant: (repo, { put }) => {
      put(repo, "a.txt", "mine\n");
      put(repo, "n.txt", "mine\n");
    },
    acts: (repo) => [merge(repo), { do: "branch", repo, how: "switch", name: "other" }],
    expect: "refused",
    check: (repo) =>
      ["a.txt", "n.txt"].every((name) => readFileSync(join(repo, name), "utf8") === "mine\n")
        ? undefined
        : "unsaved work is lost",
  },
  {
    name: "a branch that holds the only copy of its commits is not deleted",
    acts: (repo) => [{ do: "branch", repo, how: "delete", name: "other" }],
    expect: "refused",
  },
  {
    name: "a branch with a .git folder in its tree",
    plant: (repo, { put, ground }) => {
      const blob = ground.git(repo, "hash-object", "-w", "a.txt");
      const tree = (name: string, mode: string, id: string): string => {
        put(repo, ".git/tree", Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]));
        return ground.git(repo, "hash-object", "-t", "tree", "-w", "--literally", ".git/tree");
      };
      const evil = tree(".GIT", "40000", tree("hooks", "40000", tree("post-checkout", "100755", blob)));
      const made = ground.git(repo, "commit-tree", evil, "-p", "main", "-m", "evil");
      put(repo, ".git/refs/heads/evil", `${made}\n`);
    },
    acts: (repo) => [worktree(repo, "evil"), merge(repo, "evil")],
    expect: "refused",
  },
  {
    name: "a branch that puts a link outside in place of a folder, and work that follows it",
    plant: (repo, { ground, outside }) => {
      ground.git(repo, "switch", "--quiet", "--create", "linked");
      rmSync(join(repo, "dir"), { recursive: true });
      symlinkSync(outside, join(repo, "dir"));
      ground.git(repo, "add", "--all");
      ground.git(repo, "commit", "--quiet", "--message=linked");
      ground.git(repo, "switch", "--quiet", "main");
    },
    acts: (repo) => [merge(repo, "linked"), commit(repo, "dir/secret.txt")],
    expect: "refused",
  },
  {
    name: "a submodule whose update runs a program",
    plant: (repo, { payload, put, ground }) => {
      put(
        repo,
        ".gitmodules",
        `[submodule "s"]\n\tpath = s\n\turl = ../../outside/repo\n\tupdate = "!${payload}"\n`,
      );
      put(
        repo,
        ".git/config",
        `[submodule "s"]\n\turl = ../../outside/repo\n\tupdate = "!${payload}"\n\tactive = true\n[submodule]\n\trecurse = true`,
      );
      const id = ground.git(repo, "rev-parse", "HEAD");
      ground.git(repo, "update-index", "--add", "--cacheinfo", `160000,${id},s`);
      ground.git(repo, "add", ".gitmodules");
      ground.git(repo, "commit", "--quiet", "--message=submodule");
    },
    acts: (repo) => [
      status(repo),
      worktree(repo),
      fetch(repo),
      { do: "clone", path: `${repo}-copy`, url: repo },
    ],
    expect: "done",
  },
  {
    name: "histories that never met",
    plant: (repo, { ground, put }) => {
      const tree = ground.git(repo, "rev-parse", "main^{tree}");
      put(repo, ".git/refs/heads/island", `${ground.git(repo, "commit-tree", tree, "-m", "island")}\n`);
    },
    acts: (repo) => [merge(repo, "island")],
    expect: "refused",
  },
  {
    name: "names of 300 characters, 60 folders deep",
    plant: (repo, { put }) => put(repo, `${"folder/".repeat(60)}${"n".repeat(200)}`, "x\n"),
    acts: (repo) => [status(repo), commit(repo, "folder")],
    expect: "done",
  },
  {
    name: "objects with SHA-256",
    plant: replaced(".git", (repo, { ground }) => {
      ground.git(repo, "init", "--quiet", "--object-format=sha256", "--initial-branch=main");
    }),
    acts: (repo) => [commit(repo), log(repo)],
    expect: "done",
  },
];

/** The hostile list. Order does not matter; every case has a repository of its own. */
export const CASES: readonly HostileCase[] = [
  ...programs,
  ...ownCode,
  ...settings,
  ...places,
  ...values,
  ...contents,
];
