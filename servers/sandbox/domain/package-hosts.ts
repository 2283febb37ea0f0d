/** Hosts that package managers install from. A sandbox may be given a door to these; a person names others. */
export const PACKAGE_HOSTS: readonly string[] = [
  "registry.npmjs.org",
  "registry.yarnpkg.com",
  "pypi.org",
  "files.pythonhosted.org",
  "proxy.golang.org",
  "sum.golang.org",
  "index.crates.io",
  "static.crates.io",
];

/** Those of `wanted` that are none of `allowed`. */
export function hostsRefused(wanted: readonly string[], allowed: readonly string[]): readonly string[] {
  const known = new Set(allowed.map((host) => host.toLowerCase()));
  return wanted.filter((host) => !known.has(host.toLowerCase()));
}

/** Whether a door to these hosts lets a connection to `host:port` through: by exact name, on the ports of the web. */
export function isLetThrough(hosts: readonly string[], host: string, port: number): boolean {
  return (port === 443 || port === 80) && hosts.some((known) => known.toLowerCase() === host.toLowerCase());
}
