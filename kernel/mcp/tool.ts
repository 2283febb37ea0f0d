import type { z } from "zod";
import type { Call } from "./call.ts";
import type { Scope } from "./tokens.ts";

/** All four, because a missing hint means its worst case to a host and decides whether a tool runs headless. */
export interface Annotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** One tool of one server: what a model reads about it, and what runs. */
export interface Tool<
  Deps,
  Name extends string = string,
  In extends z.ZodObject = z.ZodObject,
  Out extends z.ZodObject = z.ZodObject,
> {
  readonly name: Name;
  readonly title: string;
  /** When to use it and what comes back. Static: never built from outside text. */
  readonly description: string;
  readonly input: In;
  readonly output: Out;
  readonly annotations: Annotations;
  /** Loaded up front where a host otherwise shows bare names. For a handful of hot tools. */
  readonly alwaysLoad?: boolean;
  /** What a token must allow, where that is more than the hints say: tools that read need `read`, others `work`. */
  readonly scope?: Scope;
  /** Part of `--tools core` of the gateway. */
  readonly core?: boolean;
  /**
   * Looks, before a kept answer is given again, whether it still holds; for answers that tell of a state that passes.
   *
   * @throws {DomainError} where it does not.
   */
  beforeReplay?(input: z.output<In>, deps: Deps, call: Call): Promise<void>;
  /** @throws {DomainError} for every refusal that the caller can act on. */
  run(input: z.output<In>, deps: Deps, call: Call): Promise<z.input<Out>> | z.input<Out>;
}

/** Checks a tool's types; `Deps`, input and output are inferred from the definition. */
export function defineTool<Deps, const Name extends string, In extends z.ZodObject, Out extends z.ZodObject>(
  tool: Tool<Deps, Name, In, Out>,
): Tool<Deps, Name, In, Out> {
  return tool;
}

/** Reads state and changes nothing. */
export const READS: Annotations = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};

/** Adds or changes records of the server's own store; nothing is lost. */
export const WRITES: Annotations = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: false,
};

/** Removes or overwrites something that a user may miss. */
export const DESTROYS: Annotations = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: false,
};
