import { randomBytes } from "node:crypto";

/** Makes a fresh id; passed in, so that tests can make ids predictable. */
export type NewId = (prefix: string) => string;

// Crockford's base 32 without i, l, o, u: lower case, sorts as it counts, survives being read aloud.
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * Makes ids such as `tsk_01kfz3q8m2c7w5x9`: the creation time in milliseconds (9 characters, so ids sort by age),
 * then 35 random bits. Unguessable enough to avoid collisions, not meant as a secret.
 */
export function idSource(clock: () => number, random: (bytes: number) => Uint8Array = randomBytes): NewId {
  return (prefix) => {
    let time = clock();
    let head = "";
    for (let i = 0; i < 9; i += 1) {
      head = (ALPHABET[time % 32] ?? "0") + head;
      time = Math.floor(time / 32);
    }
    let tail = "";
    for (const byte of random(7)) tail += ALPHABET[byte % 32] ?? "0";
    return `${prefix}_${head}${tail}`;
  };
}
