/** Variables that agents set in the shells they open. What only a person may do is refused where one is seen. */
const AGENT_MARKS = [
  "CLAUDECODE",
  "CLAUDE_CODE_ENTRYPOINT",
  "CODEX_SANDBOX",
  "CODEX_SANDBOX_NETWORK_DISABLED",
  "CODEX_THREAD_ID",
  "GEMINI_CLI",
  "CURSOR_AGENT",
  "OPENCODE",
  "AI_AGENT",
  "SLIPWAY_JOB",
] as const;

/** The variable by which an agent's shell gives itself away, or undefined. A sign, not a proof: it can be unset. */
export function agentMark(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return AGENT_MARKS.find((name) => env[name] !== undefined && env[name] !== "");
}
