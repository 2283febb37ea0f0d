import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import type { ModelChoice } from "../models/config.ts";
import type { Role } from "../runners/runner.ts";

/** What fills a role beside its model. */
export interface RoleText {
  /** The system prompt. */
  readonly prompt: string;
  /** The workspace tools it gets; the ones that end a job are there always. */
  readonly tools: readonly string[];
}

export type Roles = Readonly<Record<Role, RoleText>>;

/** Where a repository keeps roles of its own, one `<role>.md` each. */
export const OWN_ROLES = "slipway-roles";

const Front = z.strictObject({
  name: z.enum(["planner", "implementer", "reviewer"]).optional(),
  description: z.string().optional(),
  tools: z.array(z.string()).optional(),
});

/**
 * Reads the roles that lie beside this file, and what a repository puts in their place: a text, fewer tools, or both.
 * Call it once, at start.
 *
 * @throws {DomainError} invalid, naming the file, for an unknown key, another role's name or a tool that the role may
 * not have.
 */
export function loadRoles(repo?: string): Roles {
  const read = (role: Role): RoleText => {
    const shipped = readRole(role, new URL(`./${role}.md`, import.meta.url));
    const base: RoleText = { prompt: shipped.prompt, tools: shipped.tools ?? [] };
    const file = repo === undefined ? undefined : join(repo, OWN_ROLES, `${role}.md`);
    return file === undefined || !existsSync(file) ? base : overridden(base, readRole(role, file), file);
  };
  return { planner: read("planner"), implementer: read("implementer"), reviewer: read("reviewer") };
}

interface RoleFile {
  readonly prompt: string;
  readonly tools: readonly string[] | undefined;
}

function overridden(shipped: RoleText, own: RoleFile, file: string): RoleText {
  const foreign = own.tools?.find((tool) => !shipped.tools.includes(tool));
  if (foreign !== undefined)
    throw new DomainError("invalid", `${file}: the role may not have the tool "${foreign}"`, {
      hint: `tools are some of ${shipped.tools.join(", ")}`,
    });
  return { prompt: own.prompt === "" ? shipped.prompt : own.prompt, tools: own.tools ?? shipped.tools };
}

function readRole(role: Role, file: string | URL): RoleFile {
  const text = readFileSync(file, "utf8").replaceAll("\r\n", "\n");
  const [whole = "", front = ""] = /^---\n([\s\S]*?)\n?---(?:\n|$)/u.exec(text) ?? [];
  const parsed = Front.safeParse(parseYaml(front, file) ?? {});
  const issue = parsed.error?.issues[0];
  if (!parsed.success)
    throw new DomainError(
      "invalid",
      `${String(file)} is wrong at ${issue?.path.map(String).join(".") || "its front matter"}: ${issue?.message ?? "unreadable"}`,
      { hint: "front matter takes name, description and tools" },
    );
  const { name, tools } = parsed.data;
  if (name !== undefined && name !== role)
    throw new DomainError("invalid", `${String(file)} names the role ${name}`, {
      hint: `rename it to ${name}.md, or say name: ${role}`,
    });
  return { prompt: text.slice(whole.length).trim(), tools };
}

function parseYaml(text: string, file: string | URL): unknown {
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw new DomainError("invalid", `the front matter of ${String(file)} is not YAML`, {
      hint: "check its indentation and quotes",
      cause: error,
    });
  }
}

/** What to say where the same model reviews what it wrote; null where it does not. */
export function sameModelWarning(
  runner: string,
  { implementer, reviewer }: Readonly<Partial<Record<Role, ModelChoice>>>,
): string | null {
  if (runner !== "api" || implementer === undefined || implementer.model !== reviewer?.model) return null;
  return `warning: ${reviewer.model} reviews what it wrote itself; name another model in roles.reviewer.models`;
}
