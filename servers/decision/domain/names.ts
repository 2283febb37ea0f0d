/** The ways in which one person may be written. */
interface Written {
  /** Names and addresses, whole. */
  readonly whole: readonly string[];
  /** What stands before the host of an address, with and without its tags. */
  readonly local: readonly string[];
}

/** The name in a principal: `token:ann` and `user:ann` are about ann. */
export function bareName(principal: string): string {
  return principal.replace(/^(?:token|user|self):/, "");
}

/**
 * Whether two names are one person's: `Ann Lee <ann@example.com>` is `ann lee`, `ann@example.com` and `ann`. Case, width,
 * invisible characters and what parts words make no difference; two hosts do.
 */
export function isSamePerson(a: string, b: string): boolean {
  const [one, two] = [written(a), written(b)];
  return meet(one.whole, two.whole) || meet(one.whole, two.local) || meet(one.local, two.whole);
}

function written(name: string): Written {
  const text = name.normalize("NFKC").replace(/[\p{Cf}\p{Cc}\p{Mn}\p{Default_Ignorable_Code_Point}]/gu, "");
  const parts = /^([^<]*)<([^>]*)>?/.exec(text);
  const given = (parts === null ? [text] : [parts[1] ?? "", parts[2] ?? ""]).filter(
    (one) => plain(one) !== "",
  );
  const addresses = given.filter((one) => one.includes("@"));
  return {
    whole: given.map(plain),
    local: addresses.flatMap((one) => {
      const local = one.split("@")[0] ?? "";
      return [local, ...local.split("+")].map(plain).filter((each) => each !== "");
    }),
  };
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[\s._-]+/gu, "");
}

function meet(a: readonly string[], b: readonly string[]): boolean {
  return a.some((one) => b.includes(one));
}
