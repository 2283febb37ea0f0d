import { z } from "zod";
import { DomainError } from "../../kernel/errors.ts";
import type { ToolSpec } from "../models/chat-model.ts";
import type { JobResult } from "./runner.ts";

/** How a conversation ends, when a tool ends it. */
export type Ending =
  | { readonly status: "done"; readonly result: JobResult; readonly summary: string }
  | { readonly status: "gave_up"; readonly summary: string };

/** What a tool call gives back to the model; with `ending`, the conversation is over after this turn. */
export interface ToolAnswer {
  readonly text: string;
  readonly isError: boolean;
  readonly ending?: Ending;
}

/** A tool of the model's, with its arguments already behind `call`, which checks them itself. */
export interface ModelTool {
  readonly spec: ToolSpec;
  call(input: unknown): Promise<ToolAnswer>;
}

/** Makes a tool whose wrong arguments and whose refusals are answered to the model. Other errors are thrown on. */
export function modelTool<Input extends z.ZodObject>(tool: {
  readonly name: string;
  readonly description: string;
  readonly input: Input;
  run(input: z.output<Input>): Promise<string | ToolAnswer>;
}): ModelTool {
  const { $schema: _schema, ...schema } = z.toJSONSchema(tool.input);
  return {
    spec: { name: tool.name, description: tool.description, inputSchema: { ...schema, type: "object" } },
    async call(input) {
      const parsed = tool.input.safeParse(input);
      if (!parsed.success) return refusal(wrongArguments(tool.name, parsed.error));
      try {
        const answer = await tool.run(parsed.data);
        return typeof answer === "string" ? { text: answer, isError: false } : answer;
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        return refusal(
          `${error.code}: ${error.message}${error.hint === undefined ? "" : ` (${error.hint})`}`,
        );
      }
    },
  };
}

export function refusal(text: string): ToolAnswer {
  return { text, isError: true };
}

/** Names the fields, never the values: these are the model's own and may be anything. */
function wrongArguments(name: string, error: z.ZodError): string {
  const issues = error.issues.slice(0, 5).map((issue) => {
    const at = issue.path.map(String).join(".").slice(0, 80);
    return `${at === "" ? "arguments" : at}: ${issue.message.slice(0, 200)}`;
  });
  return `wrong arguments for ${name}: ${issues.join("; ")}. Nothing was done. Call it again with the arguments of its schema.`;
}
