import { z } from "zod";
import type { Dependency } from "../domain/batch.ts";
import { closed, text } from "../../../kernel/mcp/input.ts";

/** A dependency as a caller names it: an id or ref to wait for its success, or with what to wait for. */
export const dependencyInput = z.union([
  text(100),
  closed({ task: text(100), on: z.enum(["success", "finish"]) }),
]);

export function toDependency(named: z.output<typeof dependencyInput>): Dependency {
  return typeof named === "string" ? { task: named, on: "success" } : { task: named.task, on: named.on };
}
