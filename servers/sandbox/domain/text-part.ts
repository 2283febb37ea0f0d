/**
 * Decodes a piece of a file as UTF-8. When the piece was cut off, a character that lost its end is left for the next
 * piece. `text` is null, and all bytes count, where the piece is not UTF-8.
 */
export function decodePart(
  bytes: Uint8Array,
  isCut: boolean,
): { readonly text: string | null; readonly bytes: number } {
  // A byte-order mark is part of the file.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const longest = isCut ? 3 : 0;
  for (let cut = 0; cut <= longest && cut < bytes.length; cut += 1) {
    try {
      return { text: decoder.decode(bytes.subarray(0, bytes.length - cut)), bytes: bytes.length - cut };
    } catch {
      // Try again without the last byte.
    }
  }
  return bytes.length === 0 ? { text: "", bytes: 0 } : { text: null, bytes: bytes.length };
}
