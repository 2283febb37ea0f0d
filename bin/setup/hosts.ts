import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where things are on this machine, as read from the environment. */
export interface Place {
  /** The project whose files hold the configuration that belongs to it. */
  readonly project: string;
  /** The user's own folder. */
  readonly user: string;
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type Scope = "project" | "user";

/** How one server is started, as hosts write it down. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
}

/** One MCP host: how to see that it is here, and where and how it keeps its servers. */
export interface Host {
  readonly id: string;
  readonly title: string;
  readonly format: "json" | "toml";
  /** The key of the file below which its servers are, by name. */
  readonly key: string;
  /** The file of a scope; a host without a file for the project keeps everything with the user. */
  readonly files: { readonly project?: string; readonly user: (place: Place) => string };
  /** Starts its servers in no project, so the entry has to name one. */
  readonly isProjectless?: true;
  /** A sign that the host is used here: a program on PATH, or a folder or file. */
  readonly programs: readonly string[];
  readonly traces: (place: Place) => readonly string[];
  /** What an entry has beside command and arguments. */
  readonly extra?: Readonly<Record<string, string>>;
}

/** The folder of an application's own settings. */
function settingsOf({ user, platform, env }: Place, name: string): string {
  if (platform === "darwin") return join(user, "Library", "Application Support", name);
  return join(env["XDG_CONFIG_HOME"] ?? join(user, ".config"), name);
}

function codexHome({ user, env }: Place): string {
  return env["CODEX_HOME"] ?? join(user, ".codex");
}

function zedSettings({ user, env }: Place): string {
  return join(env["XDG_CONFIG_HOME"] ?? join(user, ".config"), "zed");
}

/** The hosts that Slipway can be added to, in the order in which they are shown. */
export const HOSTS: readonly Host[] = [
  {
    id: "claude",
    title: "Claude Code",
    format: "json",
    key: "mcpServers",
    files: { project: ".mcp.json", user: ({ user }) => join(user, ".claude.json") },
    programs: ["claude"],
    traces: ({ user }) => [join(user, ".claude.json"), join(user, ".claude")],
  },
  {
    id: "claude-desktop",
    title: "Claude Desktop",
    format: "json",
    key: "mcpServers",
    files: { user: (place) => join(settingsOf(place, "Claude"), "claude_desktop_config.json") },
    isProjectless: true,
    programs: [],
    traces: (place) => [settingsOf(place, "Claude")],
  },
  {
    id: "codex",
    title: "Codex",
    format: "toml",
    key: "mcp_servers",
    files: { user: (place) => join(codexHome(place), "config.toml") },
    programs: ["codex"],
    traces: (place) => [codexHome(place)],
  },
  {
    id: "gemini",
    title: "Gemini CLI",
    format: "json",
    key: "mcpServers",
    files: { project: ".gemini/settings.json", user: ({ user }) => join(user, ".gemini", "settings.json") },
    programs: ["gemini"],
    traces: ({ user }) => [join(user, ".gemini")],
  },
  {
    id: "cursor",
    title: "Cursor",
    format: "json",
    key: "mcpServers",
    files: { project: ".cursor/mcp.json", user: ({ user }) => join(user, ".cursor", "mcp.json") },
    programs: ["cursor"],
    traces: ({ user }) => [join(user, ".cursor")],
  },
  {
    id: "vscode",
    title: "VS Code",
    format: "json",
    key: "servers",
    files: {
      project: ".vscode/mcp.json",
      user: (place) => join(settingsOf(place, "Code"), "User", "mcp.json"),
    },
    programs: ["code"],
    traces: (place) => [settingsOf(place, "Code")],
    extra: { type: "stdio" },
  },
  {
    id: "windsurf",
    title: "Windsurf",
    format: "json",
    key: "mcpServers",
    files: { user: ({ user }) => join(user, ".codeium", "windsurf", "mcp_config.json") },
    isProjectless: true,
    programs: ["windsurf"],
    traces: ({ user }) => [join(user, ".codeium", "windsurf")],
  },
  {
    id: "zed",
    title: "Zed",
    format: "json",
    key: "context_servers",
    files: { project: ".zed/settings.json", user: (place) => join(zedSettings(place), "settings.json") },
    programs: ["zed", "zeditor"],
    traces: (place) => [zedSettings(place)],
    extra: { source: "custom" },
  },
];

export function findHost(id: string): Host | undefined {
  return HOSTS.find((host) => host.id === id);
}

/** Whether the host has left a trace on this machine. */
export function isHere(host: Host, place: Place): boolean {
  const folders = (place.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return (
    host.traces(place).some((path) => existsSync(path)) ||
    host.programs.some((program) => folders.some((folder) => existsSync(join(folder, program))))
  );
}

/** The file that holds the host's servers in a scope; the user's own where the host has none for a project. */
export function fileOf(host: Host, scope: Scope, place: Place): string {
  const { project, user } = host.files;
  return scope === "project" && project !== undefined ? join(place.project, project) : user(place);
}

/** The entry of one server as this host writes it. */
export function entryOf(host: Host, { command, args }: Launch): Readonly<Record<string, unknown>> {
  return { ...host.extra, command, args };
}
