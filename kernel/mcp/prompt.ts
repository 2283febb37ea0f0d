import type { z } from "zod";
import { bindCompletions, type BoundComplete, type Complete } from "./resource.ts";

/** A text that a person at a host picks to set an agent to work. */
export interface Prompt<Deps, In extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Texts, each described; hosts ask the person for them. */
  readonly input: In;
  /** Says how in few words. What the person gave is quoted, never mixed with our words. */
  text(input: z.output<In>): string;
  readonly complete?: Readonly<Record<string, Complete<Deps>>>;
}

/** A prompt with its dependencies inside. */
export interface BoundPrompt {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodObject;
  text(input: Readonly<Record<string, unknown>>): string;
  readonly complete: Readonly<Record<string, BoundComplete>>;
}

/** Checks a prompt's types. */
export function definePrompt<Deps, In extends z.ZodObject>(prompt: Prompt<Deps, In>): Prompt<Deps> {
  const { input, text, ...rest } = prompt;
  return { ...rest, input, text: (given) => text(input.parse(given)) };
}

/** Puts dependencies into prompts. */
export function bindPrompts<Deps>(prompts: readonly Prompt<Deps>[], deps: Deps): readonly BoundPrompt[] {
  return prompts.map(({ complete, ...prompt }) => ({
    ...prompt,
    complete: bindCompletions(complete ?? {}, deps),
  }));
}

/** What a person gave, so that it cannot be taken for a part of the instructions around it. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
