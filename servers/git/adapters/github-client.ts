import type { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { VERSION } from "../../../kernel/version.ts";

export interface GitHubSettings {
  /** Such as https://api.github.com. */
  readonly url: string;
  readonly token: string | undefined;
  /** Nothing is ever changed. */
  readonly readOnly: boolean;
  /** Whether writes are spaced as GitHub asks. Default true; a test against a forge of its own need not wait. */
  readonly paced?: boolean;
  /** How long one question may take, with what is asked again. Default 20,000. */
  readonly timeoutMs?: number;
}

/** Sends one request, by its template in GitHub's documentation, and reads the answer by a schema. */
export type Send = <S extends z.ZodType>(
  route: string,
  parameters: Readonly<Record<string, unknown>>,
  answer: S,
) => Promise<z.output<S>>;

export interface GitHubClient {
  readonly send: Send;
  /** Where its repositories are cloned from. */
  readonly host: string;
}

const TIMEOUT_MS = 20_000;
const RETRIES = 2;
// A longer wait is the caller's to plan.
const LONGEST_WAIT_S = 5;

/**
 * A client of GitHub's API with pacing, retries and errors in our own words.
 * @throws {DomainError} by `send`: denied (credentials, read-only), not_found, conflict (409), invalid_state (405),
 * invalid (422), limit (rate limits, with the time in the hint), unavailable (no or a strange answer).
 */
export function githubClient(settings: GitHubSettings): GitHubClient {
  // Looked at when it is used: a bad address must not keep the rest of the server from working.
  const opened = once(async () => openOctokit(settings, apiAddress(settings.url).href.replace(/\/$/, "")));
  const hostname = URL.canParse(settings.url) ? new URL(settings.url).hostname : "github.com";
  return {
    host: hostname === "api.github.com" ? "github.com" : hostname,
    async send(route, parameters, answer) {
      if (!route.startsWith("GET ")) assertMayWrite(settings);
      const octokit = await opened();
      const data = await octokit
        .request(route, {
          ...parameters,
          // What creates is looked up before it is asked for again; that is the caller's part.
          request: {
            retries: /^(?:GET|PATCH) /.test(route) ? RETRIES : 0,
            signal: AbortSignal.timeout(settings.timeoutMs ?? TIMEOUT_MS),
          },
        })
        .then(
          (response) => response.data,
          (error: unknown) => {
            throw refusal(error);
          },
        );
      const parsed = answer.safeParse(data);
      if (parsed.success) return parsed.data;
      throw new UnclearAnswer("GitHub answered in a form that is not its own", parsed.error);
    },
  };
}

/** Whether a request may or may not have been carried out. */
export function isUnclear(error: unknown): boolean {
  return error instanceof UnclearAnswer;
}

class UnclearAnswer extends DomainError {
  constructor(message: string, cause: unknown) {
    super("unavailable", message, { hint: "call again in a moment, under the same idempotency_key", cause });
  }
}

/** git's `Authorization` header for the host of this GitHub, and for no other. */
export function githubAuthorization({ url, token }: GitHubSettings): (address: string) => string | undefined {
  const header =
    token === undefined ? undefined : `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
  return (address) => {
    if (header === undefined || !URL.canParse(address) || !URL.canParse(url)) return undefined;
    const [to, api] = [new URL(address), new URL(url)];
    const host = api.hostname === "api.github.com" ? "github.com" : api.host;
    return to.host === host && to.protocol === api.protocol ? header : undefined;
  };
}

function assertMayWrite({ readOnly, token }: GitHubSettings): void {
  if (readOnly)
    throw new DomainError("denied", "this server only reads from GitHub", {
      hint: "whoever runs it set SLIPWAY_GITHUB_READ_ONLY",
    });
  if (token === undefined)
    throw new DomainError("denied", "there are no credentials for GitHub", {
      hint: "set GITHUB_TOKEN in the environment of the server",
    });
}

/** @throws {DomainError} invalid unless the address is https, or http on this machine. */
function apiAddress(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  const isLocal = address !== undefined && /^(?:127\.0\.0\.1|localhost|\[::1\])$/.test(address.hostname);
  if (
    address === undefined ||
    address.username !== "" ||
    !(address.protocol === "https:" || (address.protocol === "http:" && isLocal))
  )
    throw new DomainError("invalid", "GITHUB_API_URL is not an https address", {
      hint: "give one such as https://api.github.com, without credentials",
    });
  return address;
}

async function openOctokit({ token, paced = true }: GitHubSettings, baseUrl: string) {
  const [{ Octokit }, { retry }, { throttling }] = await Promise.all([
    import("@octokit/rest"),
    import("@octokit/plugin-retry"),
    import("@octokit/plugin-throttling"),
  ]).catch((cause: unknown) => {
    throw new DomainError("unavailable", "the GitHub client is not installed", {
      hint: "npm i @octokit/rest @octokit/plugin-retry @octokit/plugin-throttling",
      retryable: false,
      cause,
    });
  });
  const mayWait = (seconds: number, _options: object, _client: unknown, retries: number): boolean =>
    seconds <= LONGEST_WAIT_S && retries < RETRIES;
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  return new (Octokit.plugin(retry, throttling))({
    baseUrl,
    userAgent: `slipway/${VERSION}`,
    log: silent,
    ...(token === undefined ? {} : { auth: token }),
    retry: { retryAfterBaseValue: paced ? 1000 : 10 },
    throttle: { enabled: paced, onRateLimit: mayWait, onSecondaryRateLimit: mayWait },
  });
}

function refusal(error: unknown): DomainError {
  const status =
    error instanceof Error && "status" in error && typeof error.status === "number" ? error.status : 0;
  const wait = waitOf(error);
  if (status === 429 || (status === 403 && wait !== undefined))
    return new DomainError("limit", "GitHub's rate limit is reached", {
      hint: `call again ${wait === undefined ? "in a minute" : `in ${wait} s`}`,
      retryable: true,
      cause: error,
    });
  switch (status) {
    case 401:
      return new DomainError("denied", "GitHub does not accept the credentials", {
        hint: "renew GITHUB_TOKEN",
        cause: error,
      });
    case 403:
      return new DomainError("denied", "GitHub does not allow this", {
        hint: "the token may lack a permission, or the branch is protected",
        cause: error,
      });
    case 404:
      return new DomainError("not_found", "GitHub has nothing there, or does not show it to this token", {
        hint: "check number, branch and the token's access",
        cause: error,
      });
    case 405:
      return new DomainError("invalid_state", "the pull request cannot be merged as it is", {
        hint: "get_pull_request tells mergeable and reviews, get_checks the checks",
        cause: error,
      });
    case 409:
      return new DomainError("conflict", "the head of the pull request has moved", {
        hint: "look at its new commits, then name its head",
        cause: error,
      });
    case 422:
      return new DomainError("invalid", "GitHub does not take this as it is", {
        hint: "branches must be pushed and differ, names exist; nobody approves their own pull request",
        cause: error,
      });
    default:
      return new UnclearAnswer("GitHub cannot be reached or answers with an error of its own", error);
  }
}

/** Seconds until a limit is over, from the headers; undefined where there is none. */
function waitOf(error: unknown): number | undefined {
  const response: unknown = Object(error)["response"];
  const headers: Record<string, unknown> = Object(Object(response)["headers"]);
  const after = Number(headers["retry-after"] ?? Number.NaN);
  if (!Number.isNaN(after)) return after;
  const [reset, date] = [Number(headers["x-ratelimit-reset"]), Date.parse(String(headers["date"]))];
  return String(headers["x-ratelimit-remaining"]) === "0" && !Number.isNaN(reset) && !Number.isNaN(date)
    ? Math.max(1, Math.ceil(reset - date / 1000))
    : undefined;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
