// Ranges that are not the public internet. Source: IANA IPv4 and IPv6 Special-Purpose Address Registries.
const CLOSED_V4: readonly (readonly [network: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];

/**
 * Whether an address, as a resolver writes it, is one of the public internet. An IPv6 address that carries an IPv4 one
 * (mapped, translated, 6to4) is as public as that; of the rest only global unicast is.
 */
export function isPublicAddress(address: string): boolean {
  const plain = address.split("%", 1)[0] ?? "";
  if (!plain.includes(":")) return isPublicV4(numberOf(plain));
  const words = wordsOf(plain);
  if (words === undefined) return false;
  const [a = 0, b = 0, c = 0, , , f = 0, g = 0, h = 0] = words;
  const low = g * 65_536 + h;
  const isMapped = words.slice(0, 5).every((word) => word === 0) && f === 0xffff;
  if (isMapped || (a === 0x64 && b === 0xff9b)) return isPublicV4(low);
  if (a === 0x2002) return isPublicV4(b * 65_536 + c);
  // 2000::/3 without Teredo and other protocol assignments (2001::/23) and documentation.
  const isGlobal = a >= 0x2000 && a <= 0x3fff;
  return isGlobal && !(a === 0x2001 && (b < 0x200 || b === 0xdb8)) && !(a === 0x3fff && b < 0x1000);
}

function isPublicV4(address: number | undefined): boolean {
  if (address === undefined) return false;
  return !CLOSED_V4.some(([network, bits]) => {
    const size = 2 ** (32 - bits);
    return Math.floor(address / size) === Math.floor((numberOf(network) ?? 0) / size);
  });
}

function numberOf(dotted: string): number | undefined {
  if (!/^(?:\d{1,3}\.){3}\d{1,3}$/.test(dotted)) return undefined;
  const parts = dotted.split(".").map(Number);
  return parts.some((part) => part > 255) ? undefined : parts.reduce((sum, part) => sum * 256 + part, 0);
}

/** The eight words of an IPv6 address. */
function wordsOf(address: string): readonly number[] | undefined {
  const dotted = /(?:\d{1,3}\.){3}\d{1,3}$/.exec(address)?.[0];
  const low = dotted === undefined ? undefined : numberOf(dotted);
  if (dotted !== undefined && low === undefined) return undefined;
  const text =
    dotted === undefined || low === undefined
      ? address
      : `${address.slice(0, -dotted.length)}${Math.floor(low / 65_536).toString(16)}:${(low % 65_536).toString(16)}`;
  const [head = "", tail, more] = text.split("::");
  if (more !== undefined) return undefined;
  const parse = (part: string): readonly number[] =>
    part === ""
      ? []
      : part
          .split(":")
          .map((word) => (/^[\da-f]{1,4}$/i.test(word) ? Number.parseInt(word, 16) : Number.NaN));
  const [before, after] = [parse(head), parse(tail ?? "")];
  const gap = 8 - before.length - after.length;
  const words =
    tail === undefined ? before : [...before, ...Array.from({ length: Math.max(0, gap) }, () => 0), ...after];
  return words.length === 8 && !words.some(Number.isNaN) ? words : undefined;
}
