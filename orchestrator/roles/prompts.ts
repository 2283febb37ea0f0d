import { readFileSync } from "node:fs";
import type { Role } from "../runners/runner.ts";

/** Reads the system prompts that lie beside this file; call it once, at start. */
export function loadRolePrompts(): Readonly<Record<Role, string>> {
  const read = (role: Role): string => readFileSync(new URL(`./${role}.md`, import.meta.url), "utf8").trim();
  return { planner: read("planner"), implementer: read("implementer"), reviewer: read("reviewer") };
}
