import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openDoor } from "../../../servers/sandbox/adapters/door.ts";
import { hostsRefused, isLetThrough } from "../../../servers/sandbox/domain/package-hosts.ts";

test.each([
  ["registry.npmjs.org", 443, true],
  ["REGISTRY.npmjs.org", 80, true],
  ["registry.npmjs.org", 22, false],
  ["evil.registry.npmjs.org", 443, false],
  ["registry.npmjs.org.evil.example", 443, false],
  ["127.0.0.1", 80, false],
])("%s:%i passes a door to the npm registry: %j", (host, port, passes) => {
  expect(isLetThrough(["registry.npmjs.org"], host, port)).toBe(passes);
});

test("hosts beyond the allowed ones are named", () => {
  expect(hostsRefused(["pypi.org", "example.com"], ["PyPI.org"])).toEqual(["example.com"]);
});

test("a door refuses other hosts, whatever the way of asking", async () => {
  const inside = createServer((_request, response) => void response.end("secret"));
  await new Promise<void>((resolve) => void inside.listen(0, "127.0.0.1", () => resolve()));
  const address = inside.address();
  const port = isAddress(address) ? address.port : 0;
  const door = await openDoor(["registry.npmjs.org"]);
  const ask = (method: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const sent = request({ socketPath: join(door.folder, "proxy"), method, path });
      sent.on("response", (answer) => resolve(answer.resume().statusCode ?? 0));
      sent.on("connect", (answer, socket) => {
        socket.destroy();
        resolve(answer.statusCode ?? 0);
      });
      sent.on("error", reject).end();
    });
  try {
    expect(await ask("CONNECT", `127.0.0.1:${port}`)).toBe(403);
    expect(await ask("CONNECT", "registry.npmjs.org:22")).toBe(403);
    expect(await ask("GET", `http://127.0.0.1:${port}/`)).toBe(403);
    expect(await ask("GET", "/")).toBe(403);
  } finally {
    await door.close();
    inside.close();
  }
});

function isAddress(address: AddressInfo | string | null): address is AddressInfo {
  return address !== null && typeof address !== "string";
}
