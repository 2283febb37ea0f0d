import { randomUUID } from "node:crypto";
import {
  completable,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  ProtocolError,
  ResourceNotFoundError,
  ResourceTemplate,
  type McpServer,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { DomainError } from "../errors.ts";
import type { Principal } from "./call.ts";
import type { BoundPrompt } from "./prompt.ts";
import { callOf } from "./request.ts";
import type { BoundResource, Variables } from "./resource.ts";
import type { ToolServer } from "./server.ts";

/** Offers one prompt to the host of a connection. */
export function registerPrompt(mcp: McpServer, prompt: BoundPrompt): void {
  const { name, title, description, input, complete } = prompt;
  const shape = Object.entries(input.shape).map(([key, schema]) => {
    const suggest = complete[key];
    if (suggest === undefined) return [key, schema] as const;
    // The SDK marks the schema itself, and there is one prompt for many connections.
    const suggested = completable(z.clone(schema), async (start, context) => [
      ...(await suggest(typeof start === "string" ? start : "", context?.arguments ?? {})),
    ]);
    return [key, suggested] as const;
  });
  mcp.registerPrompt(
    name,
    { title, description, argsSchema: z.object(Object.fromEntries(shape)) },
    (given: Record<string, unknown>) => ({
      messages: [{ role: "user" as const, content: { type: "text" as const, text: prompt.text(given) } }],
    }),
  );
}

/** Offers one resource, or one kind of them, to the host of a connection. */
export function registerResource(
  mcp: McpServer,
  server: ToolServer,
  resource: BoundResource,
  principal: Principal,
): void {
  const { name, title, description, uri, mimeType } = resource;
  const shown = { title, description, mimeType };
  const read = async (address: URL, variables: Variables, context: ServerContext) => {
    try {
      const text = await resource.read(variables, callOf(mcp, context, principal, undefined));
      return { contents: [{ uri: address.href, mimeType, text }] };
    } catch (error) {
      throw readError(error, address.href, server, name);
    }
  };
  if (!uri.includes("{")) {
    mcp.registerResource(name, uri, shown, (address, context) => read(address, {}, context));
    return;
  }
  const complete = Object.fromEntries(
    Object.entries(resource.complete).map(([variable, suggest]) => [
      variable,
      async (start: string, context?: { arguments?: Record<string, string> }) => [
        ...(await suggest(start, context?.arguments ?? {})),
      ],
    ]),
  );
  mcp.registerResource(
    name,
    new ResourceTemplate(uri, { list: undefined, complete }),
    shown,
    (address, variables, context) => read(address, decoded(variables, address.href), context),
  );
}

/** @throws {ResourceNotFoundError} where a part of the address is not percent-encoded text. */
function decoded(variables: Readonly<Record<string, string | string[]>>, uri: string): Variables {
  try {
    return Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [name, decodeURIComponent([value].flat().join(","))]),
    );
  } catch {
    throw new ResourceNotFoundError(uri);
  }
}

/** A refusal as the protocol knows it: resources have no results that are errors. */
function readError(error: unknown, uri: string, server: ToolServer, resource: string): Error {
  if (error instanceof DomainError) {
    const message = `${error.message}${error.hint === undefined ? "" : ` (${error.hint})`}`;
    if (error.code === "not_found") return new ResourceNotFoundError(uri, message);
    return new ProtocolError(error.code === "invalid" ? INVALID_PARAMS : INTERNAL_ERROR, message, {
      ...error.toAnswer(),
    });
  }
  const id = randomUUID();
  server.log("error", "a resource failed unexpectedly", {
    resource,
    correlation_id: id,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return new ProtocolError(
    INTERNAL_ERROR,
    `${resource} failed unexpectedly (correlation id ${id}); the details are on the server's stderr under this id`,
  );
}
