/** What the forge remembers. */
export interface ForgeState {
  readonly pulls: ForgePull[];
  nextNumber: number;
  /** By commit. */
  readonly checks: Map<string, readonly Record<string, unknown>[]>;
  readonly logs: Map<number, string>;
  readonly users: ReadonlySet<string>;
  /** By branch: how many approvals it takes. */
  readonly requiredApprovals: Map<string, number>;
  readonly queue: number[];
  /** Runs git in the bare repository; throws when it fails. */
  git(...args: readonly string[]): string;
}

export interface ForgePull {
  readonly number: number;
  readonly author: string;
  title: string;
  body: string;
  base: string;
  readonly head: string;
  readonly draft: boolean;
  state: "open" | "closed";
  mergedAs: string | null;
  /** What mergeable was computed for; it is null until asked for once. */
  computedFor: string;
  readonly reviews: { readonly by: string; readonly state: string }[];
  readonly comments: string[];
  readonly requested: Set<string>;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly user: string;
  readonly accept: string;
}

export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const NOT_FOUND: Reply = { status: 404, body: { message: "Not Found" } };
const invalid = (message: string): Reply => ({ status: 422, body: { message } });
const ok = (body: unknown, status = 200): Reply => ({ status, body });

export function answerPulls(state: ForgeState, asked: Asked): Reply {
  const { method, path } = asked;
  if (method === "POST" && path === "/graphql") return enqueue(state, asked);
  if (method === "GET" && path === "/search/repositories") return search(asked);
  const inside = /^\/repos\/team\/app(\/.*)$/.exec(path)?.[1];
  if (inside === undefined) return NOT_FOUND;
  const route = `${method} ${inside}`;
  if (route === "GET /pulls") return ok(listed(state, asked).map((pull) => show(state, pull)));
  if (route === "POST /pulls") return create(state, asked);
  const [, logs] = /^GET \/actions\/jobs\/(\d+)\/logs$/.exec(route) ?? [];
  if (logs !== undefined) return state.logs.has(Number(logs)) ? ok(state.logs.get(Number(logs))) : NOT_FOUND;
  const [, file] = /^GET \/contents\/(.+)$/.exec(route) ?? [];
  if (file !== undefined) return content(state, decodeURIComponent(file), asked);
  const [, commit, what] = /^GET \/commits\/(.+)\/(check-runs|status)$/.exec(route) ?? [];
  if (commit !== undefined)
    return what === "status" ? ok({ statuses: [] }) : ok({ check_runs: state.checks.get(commit) ?? [] });
  const [, verb, number, rest] = /^(\w+) \/(?:pulls|issues)\/(\d+)(\/\w+)?$/.exec(route) ?? [];
  const pull = state.pulls.find((candidate) => candidate.number === Number(number));
  if (pull === undefined) return NOT_FOUND;
  return onPull(state, asked, pull, `${verb ?? ""} ${rest ?? ""}`.trim());
}

function onPull(state: ForgeState, asked: Asked, pull: ForgePull, what: string): Reply {
  const { body, user } = asked;
  switch (what) {
    case "GET":
      return ok(show(state, pull));
    case "PATCH":
      if (typeof body["title"] === "string") pull.title = body["title"];
      if (typeof body["body"] === "string") pull.body = body["body"];
      if (typeof body["base"] === "string") pull.base = body["base"];
      if (body["state"] === "closed" || body["state"] === "open") pull.state = body["state"];
      return ok(show(state, pull));
    case "GET /reviews":
      return ok(pull.reviews.map(({ by, state: verdict }) => ({ user: { login: by }, state: verdict })));
    case "POST /reviews": {
      const event = String(body["event"]);
      if (user === pull.author && event !== "COMMENT")
        return invalid("Can not approve your own pull request");
      const verdict = { APPROVE: "APPROVED", REQUEST_CHANGES: "CHANGES_REQUESTED", COMMENT: "COMMENTED" }[
        event
      ];
      if (verdict === undefined) return invalid("event is not included in the list");
      pull.reviews.push({ by: user, state: verdict });
      return ok({ id: pull.reviews.length });
    }
    case "GET /comments":
      return ok(pull.comments.map((text) => ({ body: text })));
    case "POST /comments":
      pull.comments.push(String(body["body"]));
      return ok({ id: pull.comments.length }, 201);
    case "POST /requested_reviewers":
      return request(state, pull, body);
    case "GET /files":
      return ok(
        state
          .git("diff", "--name-only", `${pull.base}...${pull.head}`)
          .split("\n")
          .filter((name) => name !== "")
          .map((filename) => ({ filename })),
      );
    case "PUT /merge":
      return merge(state, asked, pull);
    default:
      return NOT_FOUND;
  }
}

function listed(state: ForgeState, { query }: Asked): readonly ForgePull[] {
  const head = query.get("head");
  const base = query.get("base");
  const wanted = query.get("state") ?? "open";
  return state.pulls.filter(
    (pull) =>
      (wanted === "all" || pull.state === wanted) &&
      (head === null || head === `team:${pull.head}`) &&
      (base === null || base === pull.base),
  );
}

function create(state: ForgeState, { body, user }: Asked): Reply {
  const [title, head, base] = [body["title"], body["head"], body["base"]].map(String);
  if (title === undefined || head === undefined || base === undefined) return invalid("Validation Failed");
  const [from, to] = [tip(state, head), tip(state, base)];
  if (from === undefined || to === undefined)
    return invalid("Validation Failed: field head or base is invalid");
  if (state.git("rev-list", "--count", `${to}..${from}`) === "0")
    return invalid(`No commits between ${base} and ${head}`);
  if (state.pulls.some((pull) => pull.state === "open" && pull.head === head && pull.base === base))
    return invalid(`A pull request already exists for team:${head}.`);
  const pull: ForgePull = {
    number: state.nextNumber,
    author: user,
    title,
    body: typeof body["body"] === "string" ? body["body"] : "",
    base,
    head,
    draft: body["draft"] === true,
    state: "open",
    mergedAs: null,
    computedFor: "",
    reviews: [],
    comments: [],
    requested: new Set(),
  };
  state.nextNumber += 1;
  state.pulls.push(pull);
  return ok(show(state, pull), 201);
}

function request(state: ForgeState, pull: ForgePull, body: Readonly<Record<string, unknown>>): Reply {
  const names: readonly string[] = [body["reviewers"], body["team_reviewers"]].flatMap((list: unknown) =>
    Array.isArray(list) ? list.map(String) : [],
  );
  if (names.some((name) => name === pull.author || !state.users.has(name)))
    return invalid("Reviews may only be requested from collaborators.");
  for (const name of names) pull.requested.add(name);
  return ok(show(state, pull), 201);
}

function merge(state: ForgeState, { body, user }: Asked, pull: ForgePull): Reply {
  const notAllowed = (message: string): Reply => ({ status: 405, body: { message } });
  const [head, base] = [tip(state, pull.head), tip(state, pull.base)];
  if (pull.state === "closed" || pull.draft || head === undefined || base === undefined)
    return notAllowed("Pull Request is not mergeable");
  if (body["sha"] !== undefined && body["sha"] !== head)
    return { status: 409, body: { message: "Head branch was modified. Review and try the merge again." } };
  const approvals = new Set(pull.reviews.filter((review) => review.state === "APPROVED").map(({ by }) => by))
    .size;
  if (approvals < (state.requiredApprovals.get(pull.base) ?? 0))
    return notAllowed("At least 1 approving review is required by reviewers with write access.");
  const tree = mergedTree(state, base, head);
  if (tree === undefined) return notAllowed("Pull Request is not mergeable");
  const parents = body["merge_method"] === "squash" ? ["-p", base] : ["-p", base, "-p", head];
  const message =
    typeof body["commit_message"] === "string"
      ? body["commit_message"]
      : `Merge pull request #${pull.number}`;
  const commit = state.git("commit-tree", tree, ...parents, "-m", message);
  state.git("update-ref", `refs/heads/${pull.base}`, commit, base);
  pull.state = "closed";
  pull.mergedAs = commit;
  pull.reviews.push({ by: user, state: "COMMENTED" });
  return ok({ sha: commit, merged: true });
}

function enqueue(state: ForgeState, { body }: Asked): Reply {
  const variables: Record<string, unknown> = Object(body["variables"]);
  const pull = state.pulls.find(({ number }) => `PR_${number}` === variables["id"]);
  if (pull === undefined || variables["head"] !== tip(state, pull.head))
    return ok({ data: null, errors: [{ message: "expected head" }] });
  state.queue.push(pull.number);
  return ok({ data: { enqueuePullRequest: { mergeQueueEntry: { id: "MQ_1" } } } });
}

function content(state: ForgeState, path: string, { query, accept }: Asked): Reply {
  try {
    const text = state.git("show", `${query.get("ref") ?? "main"}:${path}`);
    return ok(accept.includes("raw") ? `${text}\n` : { content: Buffer.from(text).toString("base64") });
  } catch {
    return NOT_FOUND;
  }
}

function search({ query }: Asked): Reply {
  const all = Array.from({ length: 35 }, (_, at) => ({
    full_name: `team/${query.get("q") ?? ""}-${at}`,
    description: at === 0 ? "hidden \u202e text\n\u001b[31m" : null,
    stargazers_count: 100 - at,
    language: "TypeScript",
    clone_url: `https://forge/team/${at}.git`,
    archived: false,
  }));
  const page = Number(query.get("page") ?? 1);
  return ok({ total_count: all.length, items: all.slice((page - 1) * 30, page * 30) });
}

function show(state: ForgeState, pull: ForgePull): Record<string, unknown> {
  const [head, base] = [tip(state, pull.head), tip(state, pull.base)];
  const pair = `${head ?? ""} ${base ?? ""}`;
  // As GitHub: the first look at a new state starts the computation, the next one sees it.
  const isKnown = pull.computedFor === pair;
  pull.computedFor = pair;
  const repo = { full_name: "team/app" };
  return {
    number: pull.number,
    node_id: `PR_${pull.number}`,
    state: pull.state,
    merged_at: pull.mergedAs === null ? null : "2026-01-01T00:00:00Z",
    merge_commit_sha: pull.mergedAs,
    title: pull.title,
    body: pull.body,
    draft: pull.draft,
    user: { login: pull.author },
    author_association: "MEMBER",
    head: { ref: pull.head, sha: head ?? "", repo },
    base: { ref: pull.base, repo },
    mergeable:
      pull.state === "closed" || !isKnown || head === undefined || base === undefined
        ? null
        : mergedTree(state, base, head) !== undefined,
    requested_reviewers: [...pull.requested].map((login) => ({ login })),
    requested_teams: [],
    html_url: `https://forge/team/app/pull/${pull.number}`,
  };
}

function tip(state: ForgeState, branch: string): string | undefined {
  try {
    return state.git("rev-parse", "--verify", "--quiet", `refs/heads/${branch}`);
  } catch {
    return undefined;
  }
}

function mergedTree(state: ForgeState, base: string, head: string): string | undefined {
  try {
    return state.git("merge-tree", "--write-tree", base, head).split("\n")[0];
  } catch {
    return undefined;
  }
}
