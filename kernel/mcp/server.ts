import type { z } from "zod";
import type { Log } from "../log.ts";
import type { Writer } from "../store.ts";
import type { Call } from "./call.ts";
import type { BoundPrompt } from "./prompt.ts";
import type { BoundResource } from "./resource.ts";
import type { Scope } from "./tokens.ts";
import type { Annotations, Tool } from "./tool.ts";

/** A tool with its dependencies inside, ready to be served. */
export interface BoundTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodObject;
  readonly output: z.ZodObject;
  readonly annotations: Annotations;
  readonly alwaysLoad: boolean;
  readonly core: boolean;
  /** What a token must allow. */
  readonly scope: Scope;
  run(input: Record<string, unknown>, call: Call): Promise<unknown>;
  /** The answer already given under this idempotency key, or undefined. */
  keptAnswer(input: Record<string, unknown>, call: Call): Promise<unknown>;
}

/** One opened server: cheap to serve many times over, on any transport, until it is closed. */
export interface ToolServer {
  readonly name: string;
  readonly instructions: string;
  readonly tools: readonly BoundTool[];
  readonly prompts?: readonly BoundPrompt[];
  readonly resources?: readonly BoundResource[];
  readonly log: Log;
  close(): Promise<void>;
}

/** Puts dependencies into tools. Servers without a store of answers leave `store` out and take no idempotency keys. */
export function bindTools<Deps>(
  tools: readonly Tool<Deps>[],
  deps: Deps,
  store?: { keptAnswer(writer: Writer): Promise<unknown> },
): readonly BoundTool[] {
  return tools.map((tool) => ({
    name: tool.name,
    title: tool.title,
    description: tool.description,
    input: tool.input,
    output: tool.output,
    annotations: tool.annotations,
    alwaysLoad: tool.alwaysLoad ?? false,
    core: tool.core ?? false,
    scope: tool.scope ?? (tool.annotations.readOnlyHint ? "read" : "work"),
    run: async (input, call) => tool.run(input, deps, call),
    async keptAnswer(input, call) {
      const kept = await store?.keptAnswer(call);
      if (kept !== undefined) await tool.beforeReplay?.(input, deps, call);
      return kept;
    },
  }));
}
