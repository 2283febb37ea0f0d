import { z } from "zod";
import { jobSchema } from "../runners/job-document.ts";
import type { Role } from "../runners/runner.ts";
import type { MessagesRequest } from "./messages-wire.ts";
import type { PolicyReply } from "./policy-reply.ts";

/** One tool call of the model and what really came back. */
export interface Exchange {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly result: string;
  readonly isError: boolean;
}

const jobFacts = jobSchema.pick({
  task_ref: true,
  attempt: true,
  title: true,
  acceptance: true,
  paths: true,
});

/** A conversation as a policy sees it. `role` and `job` are null for requests that are not a job of ours. */
export interface Conversation {
  readonly role: Role | null;
  readonly job: z.output<typeof jobFacts> | null;
  readonly opening: string;
  readonly tools: readonly string[];
  readonly exchanges: readonly Exchange[];
}

/** A scripted model's mind: a pure function of what was said and of what the tools really answered. */
export type Policy = (conversation: Conversation) => PolicyReply;

const ROLE_OF_TOOL: Readonly<Record<string, Role>> = {
  submit_plan: "planner",
  finish: "implementer",
  submit_review: "reviewer",
};

type Block = Exclude<MessagesRequest["messages"][number]["content"], string>[number];

export function readConversation(request: MessagesRequest): Conversation {
  const tools = request.tools.map((tool) => tool.name);
  const blocks = request.messages.flatMap(({ content }): readonly Block[] =>
    typeof content === "string" ? [{ type: "text", text: content }] : content,
  );
  const results = new Map<string, { result: string; isError: boolean }>();
  for (const block of blocks) {
    if (!isResult(block)) continue;
    results.set(block.tool_use_id, { result: textOf(block.content), isError: block.is_error === true });
  }
  const exchanges = blocks.filter(isUse).map((use) => {
    const { result, isError } = results.get(use.id) ?? { result: "", isError: true };
    return { tool: use.name, input: use.input, result, isError };
  });
  const opening = textOf(request.messages[0]?.content ?? "");
  const role = tools.map((name) => ROLE_OF_TOOL[name]).find((found) => found !== undefined) ?? null;
  return { role, job: readJob(opening), opening, tools, exchanges };
}

function readJob(opening: string): Conversation["job"] {
  const json = /^<job>(.*)<\/job>$/m.exec(opening)?.[1];
  if (json === undefined) return null;
  try {
    return jobFacts.safeParse(JSON.parse(json)).data ?? null;
  } catch {
    return null;
  }
}

const textShape = z.object({ type: z.literal("text"), text: z.string() });
const useShape = z.object({
  type: z.literal("tool_use"),
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()),
});
const resultShape = z.object({ type: z.literal("tool_result"), tool_use_id: z.string() });

function isUse(block: Block): block is Extract<Block, { type: "tool_use" }> {
  return useShape.safeParse(block).success;
}

function isResult(block: Block): block is Extract<Block, { type: "tool_result" }> {
  return resultShape.safeParse(block).success;
}

function textOf(content: string | readonly { readonly type: string }[]): string {
  if (typeof content === "string") return content;
  return content
    .map((part) => textShape.safeParse(part).data?.text ?? "")
    .filter((text) => text !== "")
    .join("\n");
}

/** The text inside the wrapping of untrusted data whose source begins with `source`; null where there is none. */
export function dataFrom(text: string, source: string): string | null {
  for (const [, , from, content] of text.matchAll(
    /<(data-\d+) source="([^"\n]*)"[^>\n]*>\n([\s\S]*?)\n<\/\1>/g,
  )) {
    if (from?.startsWith(source)) return content ?? "";
  }
  return null;
}

/** The content of a file as `read_file` showed it, without the line numbers; null where the result is no such thing. */
export function fileShown(result: string): string | null {
  const numbered = dataFrom(result, "file ");
  if (numbered === null) return null;
  const lines = numbered.split("\n").map((line) => /^ *\d+\| (.*)$/.exec(line)?.[1] ?? null);
  return lines.every((line) => line !== null) ? `${lines.join("\n")}\n` : null;
}

/** The exit code that `run_command` reported; null where the program did not exit by itself. */
export function exitCodeShown(result: string): number | null {
  const code = /^outcome: exited\nexit_code: (-?\d+)\n/.exec(result)?.[1];
  return code === undefined ? null : Number(code);
}
