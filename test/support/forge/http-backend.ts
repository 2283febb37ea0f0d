import { spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers git's smart HTTP for the bare repositories below a folder, through git's own CGI. Source: git-http-backend(1). */
export function serveGit(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  user: string,
): void {
  const url = new URL(request.url ?? "/", "http://forge");
  const child = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env["PATH"],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      REQUEST_METHOD: request.method,
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      REMOTE_USER: user,
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  request.pipe(child.stdin);
  child.stdin.on("error", () => {});
  let head = Buffer.alloc(0);
  let isOpen = false;
  child.stdout.on("data", (chunk: Buffer) => {
    if (isOpen) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return;
    isOpen = true;
    const headers = new Map(
      head
        .toString("latin1", 0, end)
        .split("\r\n")
        .map((line): [string, string] => {
          const colon = line.indexOf(":");
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
        }),
    );
    response.statusCode = Number((headers.get("status") ?? "200").split(" ")[0]);
    headers.delete("status");
    for (const [name, value] of headers) response.setHeader(name, value);
    response.write(head.subarray(end + 4));
  });
  child.on("close", () => response.end());
}
