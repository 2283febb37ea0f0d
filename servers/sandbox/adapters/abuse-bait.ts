import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bait } from "./abuse.ts";

/** Lays out what must stay out of reach for as long as `work` takes. */
export async function withBait(secret: string, work: (bait: Bait) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-bait-"));
  const file = join(folder, "secret");
  writeFileSync(file, `${secret}\n`, { mode: 0o644 });
  const server = createServer((socket) => socket.end(secret));
  try {
    const port = await new Promise<number>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(address !== null && typeof address === "object" ? address.port : 0);
      });
    });
    await work({ secret, file, port });
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
