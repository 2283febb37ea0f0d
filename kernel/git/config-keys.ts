/**
 * What a key of a repository's own configuration means to somebody who did not write it:
 * `override` runs a program or opens a file and is replaced on our command line, `refuse` cannot be replaced and
 * closes the repository until a person trusts it, `network` matters when a host is contacted and closes those
 * operations, `report` is only worth telling.
 */
export type KeyVerdict =
  | { readonly action: "override"; readonly set: readonly ConfigPair[] }
  | { readonly action: "refuse" | "network" | "report" };

export interface ConfigPair {
  readonly key: string;
  readonly value: string;
}

/** Settings given to every git process, whatever the repository says. */
export const FIXED_CONFIG: readonly ConfigPair[] = [
  { key: "core.fsmonitor", value: "false" },
  { key: "core.sshCommand", value: "ssh -oBatchMode=yes" },
  { key: "core.editor", value: "false" },
  { key: "core.pager", value: "cat" },
  { key: "core.attributesFile", value: "/dev/null" },
  { key: "core.protectNTFS", value: "true" },
  { key: "core.protectHFS", value: "true" },
  { key: "core.quotePath", value: "false" },
  { key: "credential.helper", value: "" },
  { key: "gc.auto", value: "0" },
  { key: "maintenance.auto", value: "false" },
  { key: "submodule.recurse", value: "false" },
  { key: "fetch.recurseSubmodules", value: "false" },
  { key: "diff.ignoreSubmodules", value: "dirty" },
  { key: "log.showSignature", value: "false" },
  { key: "color.ui", value: "false" },
  // A bare repository hidden inside a worktree is never opened by accident. Source: git-config, safe.bareRepository.
  { key: "safe.bareRepository", value: "explicit" },
];

/** Added unless a person trusts the repository: its hooks and its signing program are its own code. */
export const UNTRUSTED_CONFIG: readonly ConfigPair[] = [
  { key: "core.hooksPath", value: "/dev/null" },
  { key: "commit.gpgSign", value: "false" },
  { key: "tag.gpgSign", value: "false" },
];

interface KeyRule {
  readonly section: string;
  /** none: `section.name`; any: `section.<x>.name`; either: both. */
  readonly sub: "none" | "any" | "either";
  /** Names in lower case; `*` is every name, a trailing `*` or leading `*` is a prefix or suffix. */
  readonly names: readonly string[];
  readonly action: KeyVerdict["action"];
  /** For `override`: what the key becomes, and its companions by name. Default: the key itself, empty. */
  readonly set?: Readonly<Record<string, string>>;
}

// Source: git-config(1) of 2.39 to 2.51, read for every key whose value is a command, a program or a path.
const RULES: readonly KeyRule[] = [
  { section: "core", sub: "none", names: ["fsmonitor"], action: "override", set: { fsmonitor: "false" } },
  { section: "core", sub: "none", names: ["hookspath"], action: "override", set: { hooksPath: "/dev/null" } },
  {
    section: "core",
    sub: "none",
    names: ["sshcommand"],
    action: "override",
    set: { sshCommand: "ssh -oBatchMode=yes" },
  },
  { section: "core", sub: "none", names: ["editor"], action: "override", set: { editor: "false" } },
  { section: "core", sub: "none", names: ["pager"], action: "override", set: { pager: "cat" } },
  {
    section: "core",
    sub: "none",
    names: ["attributesfile", "excludesfile"],
    action: "override",
    set: { attributesFile: "/dev/null", excludesFile: "/dev/null" },
  },
  {
    section: "core",
    sub: "none",
    names: ["askpass", "gitproxy", "alternaterefscommand"],
    action: "override",
  },
  {
    section: "filter",
    sub: "any",
    names: ["clean", "smudge", "process", "required"],
    action: "override",
    set: { clean: "", smudge: "", process: "", required: "false" },
  },
  { section: "diff", sub: "none", names: ["external"], action: "override" },
  {
    section: "diff",
    sub: "any",
    names: ["command", "textconv"],
    action: "override",
    set: { command: "false", textconv: "false" },
  },
  // An empty driver is fatal to merge-tree; one that fails is reported as a conflict and nothing runs.
  { section: "merge", sub: "any", names: ["driver"], action: "override", set: { driver: "false" } },
  { section: "interactive", sub: "none", names: ["difffilter"], action: "override" },
  // Emptied by an option of blame itself: git opens the files of every entry, also of those before an empty one.
  { section: "blame", sub: "none", names: ["ignorerevsfile"], action: "report" },
  {
    section: "gpg",
    sub: "either",
    names: ["program", "defaultkeycommand"],
    action: "override",
    set: { program: "false", defaultKeyCommand: "false" },
  },
  {
    section: "commit",
    sub: "none",
    names: ["gpgsign", "template"],
    action: "override",
    set: { gpgSign: "false", template: "" },
  },
  { section: "tag", sub: "none", names: ["gpgsign"], action: "override", set: { gpgSign: "false" } },
  { section: "sequence", sub: "none", names: ["editor"], action: "override", set: { editor: "false" } },
  { section: "init", sub: "none", names: ["templatedir"], action: "override" },
  { section: "browser", sub: "any", names: ["*"], action: "report" },
  { section: "web", sub: "none", names: ["browser"], action: "report" },
  { section: "man", sub: "either", names: ["*"], action: "report" },
  { section: "pager", sub: "either", names: ["*"], action: "report" },
  { section: "tar", sub: "either", names: ["*"], action: "report" },
  {
    section: "trailer",
    sub: "any",
    names: ["cmd", "command"],
    action: "override",
    set: { cmd: "false", command: "false" },
  },
  // An alias cannot take the place of a built-in verb, and we call nothing else.
  { section: "alias", sub: "either", names: ["*"], action: "report" },
  { section: "url", sub: "any", names: ["insteadof", "pushinsteadof"], action: "network" },
  { section: "protocol", sub: "either", names: ["*"], action: "network" },
  {
    section: "remote",
    sub: "any",
    names: ["uploadpack", "receivepack", "proxy", "vcs", "promisor"],
    action: "network",
  },
  {
    section: "http",
    sub: "either",
    names: ["*proxy", "sslverify", "sslcainfo", "cookiefile", "extraheader"],
    action: "network",
  },
  { section: "ssh", sub: "none", names: ["variant"], action: "network" },
  { section: "credential", sub: "either", names: ["helper"], action: "network" },
  { section: "uploadpack", sub: "none", names: ["packobjectshook"], action: "network" },
  {
    section: "fetch",
    sub: "none",
    names: ["recursesubmodules"],
    action: "override",
    set: { recurseSubmodules: "false" },
  },
  { section: "submodule", sub: "any", names: ["update"], action: "report" },
  { section: "include", sub: "none", names: ["path"], action: "refuse" },
  { section: "includeif", sub: "any", names: ["*"], action: "refuse" },
  // Where it leads is checked on the real path of the worktree.
  { section: "core", sub: "none", names: ["worktree"], action: "report" },
  { section: "extensions", sub: "none", names: ["worktreeconfig", "partialclone"], action: "report" },
  { section: "notes", sub: "either", names: ["*"], action: "report" },
];

/** Says what a key means, or undefined for a harmless one. Keys are as git lists them; case does not matter. */
export function classifyKey(key: string): KeyVerdict | undefined {
  const first = key.indexOf(".");
  const last = key.lastIndexOf(".");
  if (first === -1) return undefined;
  const section = key.slice(0, first).toLowerCase();
  const sub = first === last ? undefined : key.slice(first + 1, last);
  const name = key.slice(last + 1).toLowerCase();
  const rule = RULES.find(
    (candidate) =>
      candidate.section === section &&
      (candidate.sub === "either" || (candidate.sub === "any") === (sub !== undefined)) &&
      candidate.names.some((pattern) => matches(pattern, name)),
  );
  if (rule === undefined) return undefined;
  if (rule.action !== "override") return { action: rule.action };
  const prefix = sub === undefined ? section : `${section}.${sub}`;
  return {
    action: "override",
    set: Object.entries(rule.set ?? { [name]: "" }).map(([member, value]) => ({
      key: `${prefix}.${member}`,
      value,
    })),
  };
}

function matches(pattern: string, name: string): boolean {
  if (pattern.startsWith("*")) return name.endsWith(pattern.slice(1));
  return pattern === name;
}
