import type { OutputStream } from "./backend.ts";

const HEADER_BYTES = 8;

/**
 * Takes Docker's multiplexed stream apart. Frames are cut across chunks anywhere, so this works on bytes and hands
 * content on as it comes. Source: Docker Engine API, "Stream format" of container attach.
 */
export function frameReader(
  onOutput: (stream: OutputStream, chunk: Uint8Array) => void,
): (chunk: Uint8Array) => void {
  const header = new Uint8Array(HEADER_BYTES);
  let headerBytes = 0;
  let left = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const part = chunk.subarray(at, at + HEADER_BYTES - headerBytes);
        header.set(part, headerBytes);
        headerBytes += part.length;
        at += part.length;
        if (headerBytes < HEADER_BYTES) return;
        headerBytes = 0;
        left = new DataView(header.buffer).getUint32(4);
        continue;
      }
      const content = chunk.subarray(at, at + left);
      at += content.length;
      left -= content.length;
      onOutput(header[0] === 2 ? "stderr" : "stdout", content);
    }
  };
}
