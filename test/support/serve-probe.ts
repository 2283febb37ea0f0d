import { serve } from "../../kernel/mcp/serve.ts";
import { probeServer } from "./probe-server.ts";

// Serves the probe over stdio, as a host starts it. What it notices goes to stderr.
const note = (what: string): void => void process.stderr.write(`${what}\n`);
await serve(
  probeServer((level, message) => note(`${level} ${message}`), note),
  {
    home: ".",
    http: undefined,
    tokenFile: undefined,
    token: undefined,
    announce: note,
  },
);
