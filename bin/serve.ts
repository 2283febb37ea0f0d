import { findHome } from "../kernel/home.ts";
import { DomainError } from "../kernel/errors.ts";
import { nearest, parseFlags } from "../kernel/flags.ts";
import { EXIT, type Command } from "../kernel/io.ts";
import { logTo } from "../kernel/log.ts";
import { serve } from "../kernel/mcp/serve.ts";
import { systemClock } from "../kernel/clock.ts";
import { openGateway, openServer, selectTools } from "../orchestrator/gateway.ts";
import { isServerName, SERVER_NAMES } from "../orchestrator/servers.ts";

export const SERVE_HELP = `slipway serve <${SERVER_NAMES.join("|")}|all> [flags]

Serves one server, or all five as one gateway, to an MCP host: over stdio, or over Streamable HTTP at /mcp.

  --tools core|all|a,b  which tools to show (gateway: core; one server: all)
  --http                Streamable HTTP instead of stdio
  --host H              address to bind (127.0.0.1); others need a token of yours
  --port N              port to bind (8787; 0 takes any free one)
  --token-file FILE     bearer tokens, one per line, each "name:secret" or "secret"; slipway token makes better ones
  --tls-cert FILE       serve https with this certificate (PEM), and --tls-key FILE
  --tls-key FILE        its key
  --home DIR            state folder
  --allow-unisolated    sandbox: let code run on this machine where nothing isolates it
  --root DIR            a folder the servers may work in, besides the project (may be repeated)`;

/** `slipway serve`: runs until the host goes away. */
export const serveCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    {
      home: { type: "string" },
      tools: { type: "string" },
      http: { type: "boolean" },
      host: { type: "string" },
      port: { type: "string" },
      "token-file": { type: "string" },
      "tls-cert": { type: "string" },
      "tls-key": { type: "string" },
      "allow-unisolated": { type: "boolean" },
      root: { type: "string", multiple: true },
      help: { type: "boolean", short: "h" },
    },
    1,
  );
  if (flags.has("help")) {
    io.out(SERVE_HELP);
    return EXIT.done;
  }
  const name = flags.words[0] ?? "";
  if (name !== "all" && !isServerName(name)) {
    const near = nearest(name, [...SERVER_NAMES, "all"]);
    throw new DomainError("invalid", name === "" ? "which server?" : `there is no server "${name}"`, {
      hint: near === undefined ? `one of ${SERVER_NAMES.join(", ")}, all` : `did you mean ${near}?`,
    });
  }
  const isHttp = flags.has("http");
  if (!isHttp && (flags.text("host") !== undefined || flags.text("port") !== undefined)) {
    throw new DomainError("invalid", "--host and --port need --http", { hint: "add --http" });
  }
  const [cert, key] = [flags.text("tls-cert"), flags.text("tls-key")];
  if ((cert === undefined) !== (key === undefined) || (cert !== undefined && !isHttp)) {
    throw new DomainError("invalid", "--tls-cert and --tls-key go together, with --http", {
      hint: "give all three, or put a proxy that ends TLS in front",
    });
  }
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const roots = [...flags.texts("root"), ...(io.env["SLIPWAY_ROOTS"] ?? "").split(":")].filter(
    (root) => root !== "",
  );
  const sources = {
    home,
    env: {
      ...io.env,
      ...(flags.has("allow-unisolated") ? { SLIPWAY_ALLOW_UNISOLATED: "1" } : {}),
      ...(roots.length > 0 ? { SLIPWAY_ROOTS: roots.join(":") } : {}),
    },
    cwd: io.cwd,
    log: logTo((line) => io.err(line.trimEnd()), systemClock),
  };
  const opened = name === "all" ? await openGateway(sources) : await openServer(name, sources);
  const server = await narrowed(opened, flags.text("tools") ?? (name === "all" ? "core" : "all"));
  await serve(server, {
    home,
    http: isHttp
      ? {
          host: flags.text("host") ?? "127.0.0.1",
          port: flags.int("port", 0, 65_535) ?? 8_787,
          ...(cert === undefined || key === undefined ? {} : { tls: { cert, key } }),
        }
      : undefined,
    tokenFile: flags.text("token-file"),
    token: io.env["SLIPWAY_TOKEN"],
    announce: (line) => io.err(line),
  });
  return EXIT.done;
};

async function narrowed(
  server: Awaited<ReturnType<typeof openGateway>>,
  selection: string,
): Promise<typeof server> {
  try {
    return selectTools(server, selection);
  } catch (error) {
    await server.close();
    throw error;
  }
}
