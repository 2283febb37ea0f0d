interface Group {
  readonly agents: string[];
  readonly rules: { readonly allow: boolean; readonly pattern: string }[];
}

/**
 * Whether robots.txt lets a program fetch a path: the group of its own name, else that of "*"; the longest rule wins,
 * and an allowance wins over a ban of the same length. Source: RFC 9309.
 */
export function mayFetch(robots: string, agent: string, path: string): boolean {
  const groups = groupsOf(robots);
  const own = groups.filter(({ agents }) => agents.includes(agent));
  const rules = (own.length > 0 ? own : groups.filter(({ agents }) => agents.includes("*"))).flatMap(
    (one) => one.rules,
  );
  let best = { allow: true, length: -1 };
  for (const { allow, pattern } of rules) {
    if (pattern === "" || !fits(path, pattern)) continue;
    if (pattern.length > best.length || (pattern.length === best.length && allow))
      best = { allow, length: pattern.length };
  }
  return best.allow;
}

function groupsOf(robots: string): readonly Group[] {
  const groups: Group[] = [];
  let group: Group | undefined;
  for (const line of robots.split(/\r\n?|\n/)) {
    const [, key = "", value = ""] = /^\s*([A-Za-z-]+)\s*:\s*([^#]*)/.exec(line) ?? [];
    const text = value.trim();
    switch (key.toLowerCase()) {
      case "user-agent":
        if (group === undefined || group.rules.length > 0) groups.push((group = { agents: [], rules: [] }));
        group.agents.push(text.toLowerCase());
        break;
      case "allow":
      case "disallow":
        group?.rules.push({ allow: key.toLowerCase() === "allow", pattern: text });
        break;
      default:
        break;
    }
  }
  return groups;
}

function fits(path: string, pattern: string): boolean {
  const isWhole = pattern.endsWith("$");
  const parts = (isWhole ? pattern.slice(0, -1) : pattern).split("*");
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const found = index === 0 ? (path.startsWith(part) ? 0 : -1) : path.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return !isWhole || at === path.length || (parts.at(-1) === "" ? true : path.endsWith(parts.at(-1) ?? ""));
}
