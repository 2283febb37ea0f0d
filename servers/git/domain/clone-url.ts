/** Whether a clone source names a folder of this machine. */
export function isLocalSource(url: string): boolean {
  return url.startsWith("/") || url.startsWith("file:///");
}

/** Why a URL is not handed to git, or undefined when it may be. */
export function refuseUrl(url: string, protocols: readonly string[]): string | undefined {
  if (url.length > 2048 || /[\u0000-\u0020\u007f]/.test(url) || !url.isWellFormed()) return "it is malformed";
  if (url.startsWith("-")) return "it starts with '-'";
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    // git@host:path; a double colon would name a helper program such as ext::.
    if (!/^[\w.-]+@[A-Za-z0-9][\w.-]*:(?![:/-])[^:]*$/.test(url)) return "it is no URL";
    return protocols.includes("ssh") ? undefined : "ssh is not allowed";
  }
  if (!protocols.includes(scheme)) return "its transport is not allowed";
  const authority = url.slice(url.indexOf("://") + 3).split(/[/?#]/)[0] ?? "";
  const at = authority.lastIndexOf("@");
  const user = at === -1 ? "" : authority.slice(0, at);
  if (user.includes(":") || (user !== "" && scheme !== "ssh")) return "it carries credentials";
  if (user.startsWith("-") || !/^[A-Za-z0-9[]/.test(authority.slice(at + 1))) return "its host is malformed";
  return undefined;
}
