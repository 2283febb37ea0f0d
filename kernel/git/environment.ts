/** The author and committer of what a server writes. */
export interface GitIdentity {
  readonly name: string;
  readonly email: string;
}

export const DEFAULT_IDENTITY: GitIdentity = { name: "Slipway", email: "slipway@localhost" };

export interface EnvironmentSettings {
  /** Where git and its helpers are found; the server's own PATH, taken from its configuration. */
  readonly path: string;
  /** An empty folder only this user can read: git finds no personal settings, keys or credentials there. */
  readonly home: string;
  readonly identity?: GitIdentity;
  /** Transports git may use; none unless the caller is about to talk to a host it has checked. */
  readonly protocols?: readonly string[];
}

/**
 * The whole environment of a git process, built from nothing: no variable of the server (tokens, GIT_*, editors,
 * proxies) is inherited. Without protocols git reaches no other repository, not even to fetch a missing object.
 */
export function gitEnvironment(settings: EnvironmentSettings): Readonly<Record<string, string>> {
  const identity = settings.identity ?? DEFAULT_IDENTITY;
  return {
    PATH: settings.path,
    HOME: settings.home,
    LC_ALL: "C.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_ASKPASS: "/bin/false",
    SSH_ASKPASS: "/bin/false",
    GIT_EDITOR: "/bin/false",
    GIT_SEQUENCE_EDITOR: "/bin/false",
    GIT_PAGER: "cat",
    GIT_ALLOW_PROTOCOL: settings.protocols === undefined ? "none" : settings.protocols.join(":"),
    GIT_LITERAL_PATHSPECS: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_NO_LAZY_FETCH: "1",
    GIT_AUTHOR_NAME: identity.name,
    GIT_AUTHOR_EMAIL: identity.email,
    GIT_COMMITTER_NAME: identity.name,
    GIT_COMMITTER_EMAIL: identity.email,
  };
}
