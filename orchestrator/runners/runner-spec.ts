import { DomainError } from "../../kernel/errors.ts";
import { parseCommandLine } from "./command-line.ts";

/** What a `--runner` value asks for. */
export type RunnerSpec =
  | { readonly kind: "api" }
  | { readonly kind: "command"; readonly argv: readonly [string, ...string[]] }
  | { readonly kind: "scripted"; readonly file: string };

/** @throws {DomainError} `invalid` for a runner that is not one of ours. */
export function parseRunnerSpec(text: string): RunnerSpec {
  if (text === "api") return { kind: "api" };
  if (text.startsWith("command:"))
    return { kind: "command", argv: parseCommandLine(text.slice("command:".length)) };
  if (text.startsWith("scripted:") && text.length > "scripted:".length) {
    return { kind: "scripted", file: text.slice("scripted:".length) };
  }
  throw new DomainError("invalid", "there is no such runner", {
    hint: "use api, command:<argv> or scripted:<file>",
  });
}
