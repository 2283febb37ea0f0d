import { isServerName } from "../orchestrator/servers.ts";
import type { Command } from "../kernel/io.ts";
import { STORE_VERBS } from "./store-verbs.ts";

/** One command as the help shows it; its code is loaded when it runs. */
export interface Entry {
  readonly usage: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** Every command, by the words that call it, in the order of the help. */
export const COMMANDS: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ["serve", { usage: "serve <server|all>", summary: "serve one server, or all, to an MCP host", load: async () => (await import("./serve.ts")).serveCommand }],
]);

/** Finds the longest run of words that names a command, and what is left over for it. */
export function findCommand(argv: readonly string[]): { readonly entry: Entry; readonly rest: readonly string[] } | undefined {
  for (let words = 3; words > 0; words -= 1) {
    const entry = COMMANDS.get(argv.slice(0, words).join(" "));
    if (entry !== undefined) return { entry, rest: argv.slice(words) };
  }
  const [server = "", verb = ""] = argv;
  const makeVerb = isServerName(server) ? STORE_VERBS[verb] : undefined;
  if (makeVerb === undefined) return undefined;
  return { entry: { usage: `${server} ${verb}`, summary: "", load: async () => makeVerb(server) }, rest: argv.slice(2) };
}
