/**
 * A commit object with a signature over it in its header, as git writes it; the header's name goes by the length of the
 * repository's object ids. Source: parse_signed_commit and add_header_signature in git's commit.c.
 */
export function withSignature(commit: Buffer, signature: string, isSha256: boolean): Buffer {
  const end = commit.indexOf("\n\n");
  const header = isSha256 ? "gpgsig-sha256" : "gpgsig";
  const folded = signature.trimEnd().replaceAll("\n", "\n ");
  return Buffer.concat([commit.subarray(0, end), Buffer.from(`\n${header} ${folded}`), commit.subarray(end)]);
}
