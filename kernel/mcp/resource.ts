import type { z } from "zod";
import { DomainError } from "../errors.ts";
import type { Call } from "./call.ts";
import type { Tool } from "./tool.ts";

/** What stands for the variables of an address, decoded. */
export type Variables = Readonly<Record<string, string>>;

/** Suggests values of a variable that begin with `start`; `given` are the variables already chosen. */
export type Complete<Deps> = (start: string, deps: Deps, given: Variables) => Promise<readonly string[]>;

/** One kind of thing that can be read by its address, for hosts that let people attach what a server knows. */
export interface Resource<Deps> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** An address, or a template as "slipway://tasks/{id}" whose variables are percent-encoded parts without "/". */
  readonly uri: string;
  readonly mimeType: string;
  /** The content, bounded as every answer is. @throws {DomainError} */
  read(variables: Variables, deps: Deps, call: Call): Promise<string>;
  readonly complete?: Readonly<Record<string, Complete<Deps>>>;
}

/** A resource with its dependencies inside. */
export interface BoundResource extends Omit<Resource<unknown>, "read" | "complete"> {
  read(variables: Variables, call: Call): Promise<string>;
  readonly complete: Readonly<Record<string, BoundComplete>>;
}

export type BoundComplete = (start: string, given: Variables) => Promise<readonly string[]>;

/** Puts dependencies into resources. */
export function bindResources<Deps>(
  resources: readonly Resource<Deps>[],
  deps: Deps,
): readonly BoundResource[] {
  return resources.map(({ read, complete, ...resource }) => ({
    ...resource,
    read: (variables, call) => read(variables, deps, call),
    complete: bindCompletions(complete ?? {}, deps),
  }));
}

export function bindCompletions<Deps>(
  complete: Readonly<Record<string, Complete<Deps>>>,
  deps: Deps,
): Readonly<Record<string, BoundComplete>> {
  return Object.fromEntries(
    Object.entries(complete).map(([name, suggest]) => [
      name,
      (start: string, given: Variables) => suggest(start, deps, given),
    ]),
  );
}

/**
 * What a reading tool answers, as a resource's content.
 *
 * @throws {DomainError} invalid where the address gives arguments that the tool does not take; else the tool's own.
 */
export async function readByTool<Deps, Name extends string, In extends z.ZodObject, Out extends z.ZodObject>(
  tool: Tool<Deps, Name, In, Out>,
  args: z.input<In>,
  deps: Deps,
  call: Call,
): Promise<string> {
  const input = tool.input.safeParse(args);
  if (!input.success) throw new DomainError("invalid", "the address is not one of this kind");
  return JSON.stringify(await tool.run(input.data, deps, call));
}

/** The first hundred of some values that begin with `start`. */
export function beginning(values: readonly string[], start: string): readonly string[] {
  return values.filter((value) => value.startsWith(start)).slice(0, 100);
}
