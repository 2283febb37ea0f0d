import { once } from "node:events";
import { startStdioServer } from "../../bench/stdio-server.ts";
import { callTool, mustCall } from "./connect.ts";

/**
 * A program from outside, on the state folder given: it follows the queue's events and acts on what they say, and knows
 * of nobody else. It reviews finished work, and claims what needs a reviewer. One line for each deed, until stdin ends.
 */
const AGENT = "rita";

interface Seen {
  readonly type: string;
  readonly subject: string;
  readonly data: { readonly status?: string };
}

async function act({ type, subject, data }: Seen, call: Call): Promise<string | null> {
  if (type === "task.completed" && data.status === "needs_review") {
    const { status } = await call("review_task", {
      id: subject,
      agent: AGENT,
      verdict: "accept",
      reasons: ["it reads well"],
    });
    return `reviewed ${subject}: ${String(status)}`;
  }
  if (type !== "task.ready") return null;
  const { task, claim } = await call("claim_task", {
    agent: AGENT,
    capabilities: ["review"],
    task_id: subject,
  });
  if (task === null) return null;
  const { dependency_outputs } = Object(task);
  await call("complete_task", { token: Object(claim).token, output: { read: dependency_outputs } });
  return `did ${subject}`;
}

type Call = (name: string, args: Record<string, unknown>) => Promise<Record<string, unknown>>;

const home = process.argv[2] ?? "";
const stop = new AbortController();
process.stdin.resume();
void once(process.stdin, "end").then(() => stop.abort());
const server = await startStdioServer("tasks", home);
process.stdout.write("follows\n");
const call: Call = (name, args) => mustCall(server.client, name, args);
for (let after = 0; !stop.signal.aborted;) {
  const page = await callTool(server.client, "read_events", {
    after,
    types: ["task.completed", "task.ready"],
    wait_ms: 500,
  });
  if (!page.ok) continue;
  const { events, next_cursor } = page.value;
  for (const event of Array.isArray(events) ? events : []) {
    const deed = await act(event, call);
    if (deed !== null) process.stdout.write(`${deed}\n`);
  }
  after = Number(next_cursor);
}
await server.close();
