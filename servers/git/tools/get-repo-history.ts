import { z } from "zod";
import { toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import type { GitContext } from "../../../kernel/git/open.ts";
import { defineTool, READS } from "../../../kernel/mcp/tool.ts";
import { cleanText, clipText } from "../../../kernel/text.ts";
import { estimateTokens, fitItems, fitText } from "../../../kernel/tokens.ts";
import { isShallow, readBlame, readLog, readMessage } from "../adapters/history.ts";
import { readRef } from "../adapters/refs.ts";
import { emptyTree } from "../adapters/trees.ts";
import type { GitDeps } from "../deps.ts";
import {
  formatHistoryCursor,
  parseHistoryCursor,
  type HistoryCursor,
  type LoggedCommit,
} from "../domain/history.ts";
import { repoInput, someNames, tokensInput } from "./answer.ts";
import { pageDiff } from "./diff-page.ts";

const input = z.object({
  repo: repoInput,
  mode: z.enum(["log", "show", "blame", "search"]).default("log"),
  ref: z.string().optional().describe("Default HEAD"),
  paths: someNames.optional().describe("blame: exactly one file"),
  query: z
    .string()
    .refine((query) => query !== "" && query.length <= 1000, "1 to 1,000 characters")
    .optional(),
  limit: z
    .int()
    .optional()
    .transform((limit) => Math.min(Math.max(limit ?? 50, 1), 500)),
  max_tokens: tokensInput,
  cursor: z.string().optional(),
});
type Args = z.output<typeof input>;

export const getRepoHistory = defineTool({
  name: "get_repo_history",
  title: "History",
  description:
    "log: commits, newest first; with query those whose message has it. show: one commit with message, files and patch. blame: who wrote each line. search: commits that add or remove the text query.",
  input,
  output: z
    .object({
      commits: z
        .array(z.looseObject({}))
        .optional()
        .describe("id, parents, author, email, at, subject; show: message"),
      lines: z.array(z.looseObject({})).optional().describe("line, commit, author, at, text"),
      files: z.array(z.looseObject({})).optional(),
      patch: z.string().optional(),
      shallow: z.boolean().describe("Older history was not cloned"),
      truncated: z.boolean(),
      next_cursor: z.string().optional(),
    })
    .partial(),
  annotations: READS,
  async run(args, { host }: GitDeps, call) {
    const git = await host.open(args.repo);
    const shallow = await isShallow(git);
    if (args.ref === undefined && (await readRef(git, "HEAD")) === null)
      return { ...(args.mode === "blame" ? { lines: [] } : { commits: [] }), shallow, truncated: false };
    switch (args.mode) {
      case "show":
        return { ...(await show(git, args, call.signal)), shallow };
      case "blame":
        return { ...(await blame(git, args, call.signal)), shallow };
      case "log":
      case "search":
        return { ...(await list(git, args, call.signal)), shallow };
    }
  },
});

async function list(git: GitContext, args: Args, signal: AbortSignal) {
  const { mode, query, paths = [], limit } = args;
  if (mode === "search" && query === undefined)
    throw new DomainError("invalid", "mode search needs a query", {
      hint: "give the text to look for, or use mode log",
    });
  const { start, given } = await startOf(git, args);
  const found = await readLog(
    git,
    {
      start,
      skip: given,
      count: limit + 1,
      paths,
      ...(mode === "search" ? { content: query } : { message: query }),
    },
    signal,
  );
  const { taken } = fitItems(found.slice(0, limit).map(describe), args.max_tokens);
  const truncated = taken.length < found.length;
  return {
    commits: [...taken],
    truncated,
    ...(truncated ? { next_cursor: formatHistoryCursor({ start, given: given + taken.length }) } : {}),
  };
}

async function show(git: GitContext, { ref, paths, cursor, max_tokens }: Args, signal: AbortSignal) {
  const id = await git.resolveCommit(ref ?? "HEAD");
  const [[commit], message] = await Promise.all([
    readLog(git, { start: id, skip: 0, count: 1, paths: [] }, signal),
    readMessage(git, id),
  ]);
  if (commit === undefined) throw new Error(`git log says nothing about ${id}`);
  const fitted = fitText(cleanText(message), Math.floor(max_tokens / 4));
  const commits = [
    { ...describe(commit), message: fitted.text, ...(fitted.truncated ? { message_truncated: true } : {}) },
  ];
  const from = commit.parents[0] ?? (await emptyTree(git));
  const page = await pageDiff(
    git,
    {
      ids: [from, id],
      paths,
      statOnly: false,
      maxTokens: Math.max(200, max_tokens - estimateTokens(JSON.stringify(commits))),
      cursor,
    },
    signal,
  );
  return { commits, ...page };
}

async function blame(git: GitContext, args: Args, signal: AbortSignal) {
  const [path, ...others] = args.paths ?? [];
  if (path === undefined || others.length > 0)
    throw new DomainError("invalid", "mode blame needs exactly one path", {
      hint: "give paths with one file of the repository",
    });
  const { start, given } = await startOf(git, args);
  const lines = await readBlame(git, { commit: start, path, from: given + 1, count: args.limit + 1 }, signal);
  const { taken } = fitItems(
    lines.slice(0, args.limit).map(({ line, commit, author, authoredAt, boundary, text }) => ({
      line,
      commit: commit.slice(0, 12),
      author: oneLine(author, 60),
      at: toIso(authoredAt),
      ...(boundary ? { boundary } : {}),
      text: oneLine(text, 500),
    })),
    args.max_tokens,
  );
  const truncated = taken.length < lines.length;
  return {
    lines: [...taken],
    truncated,
    ...(truncated ? { next_cursor: formatHistoryCursor({ start, given: given + taken.length }) } : {}),
  };
}

/** A list goes on from the commit it began at, so that new commits do not shift it. */
async function startOf(git: GitContext, { ref, cursor }: Args): Promise<HistoryCursor> {
  if (cursor === undefined) return { start: await git.resolveCommit(ref ?? "HEAD"), given: 0 };
  const parsed = parseHistoryCursor(cursor);
  if (parsed === undefined)
    throw new DomainError("invalid", "this is not a cursor of this tool", { hint: "leave it out to start" });
  return { ...parsed, start: await git.resolveCommit(parsed.start) };
}

function describe(commit: LoggedCommit) {
  return {
    id: commit.id,
    parents: [...commit.parents],
    author: oneLine(commit.author, 100),
    email: oneLine(commit.email, 100),
    at: toIso(commit.authoredAt),
    subject: oneLine(commit.subject, 300),
  };
}

function oneLine(text: string, maxChars: number): string {
  return clipText(cleanText(text).replaceAll("\n", " "), maxChars).replaceAll("\n", " ");
}
