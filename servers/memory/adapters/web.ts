import { lookup } from "node:dns/promises";
import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { DomainError } from "../../../kernel/errors.ts";
import { isPublicAddress } from "../domain/document/address.ts";

/** What a web server gave. */
export interface Fetched {
  /** Where it was in the end. */
  readonly url: string;
  readonly bytes: Buffer;
  /** Without parameters, in lower case. */
  readonly type: string;
  /** What to send to learn whether it changed. */
  readonly etag: string | undefined;
}

/** Reads pages of the public web. */
export interface Web {
  /**
   * Fetches an address, through at most five redirects, each checked as the first.
   *
   * @param etag Of an earlier answer: the result is then "unchanged" where the server says so.
   * @throws {DomainError} invalid (no http address), denied (a private address), not_found (404, 410), unavailable,
   * limit (larger than 10 MB), timeout (20 s, or cancelled).
   */
  fetch(url: string, signal: AbortSignal, etag?: string): Promise<Fetched | "unchanged">;
}

export interface WebSettings {
  /** Hosts (`name` or `name:port`) that a person allows though they are not public. */
  readonly allowedHosts: readonly string[];
}

const MAX_BYTES = 10_000_000;
const MAX_REDIRECTS = 5;
const TIMEOUT_MS = 20_000;
/** As robots.txt may name us. */
export const USER_AGENT = "slipway";

export function openWeb({ allowedHosts }: WebSettings): Web {
  return {
    async fetch(address, signal, etag) {
      const patience = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      let url = checkedUrl(address);
      for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
        const response = await ask(url, allowedHosts, patience, etag);
        const status = response.statusCode ?? 0;
        const target = response.headers.location;
        if (status === 304) {
          response.destroy();
          return "unchanged";
        }
        if (status >= 300 && status < 400 && target !== undefined) {
          response.destroy();
          const next = checkedUrl(target, url);
          if (url.protocol === "https:" && next.protocol !== "https:")
            throw new DomainError("denied", `${url.host} redirects to an address without encryption`, {
              hint: OTHER,
            });
          url = next;
          continue;
        }
        if (status !== 200) {
          response.destroy();
          throw refusedBy(url, status);
        }
        return {
          url: url.href,
          bytes: await readAll(response, url, patience),
          type: (response.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "",
          etag: response.headers.etag,
        };
      }
      throw new DomainError("limit", `${url.host} redirects more than ${MAX_REDIRECTS} times`, {
        hint: OTHER,
      });
    },
  };
}

const OTHER = "give another address, or the text itself";

function checkedUrl(address: string, base?: URL): URL {
  const url = URL.canParse(address, base?.href) ? new URL(address, base?.href) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === "")
    throw new DomainError("invalid", "the address is not one of http or https", { hint: OTHER });
  if (url.username !== "" || url.password !== "")
    throw new DomainError("invalid", "the address carries a name or password", { hint: "leave them out" });
  url.hash = "";
  return url;
}

/** The one address that is connected to: what is checked here cannot mean something else a moment later. */
async function resolved(
  url: URL,
  allowedHosts: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly address: string; readonly family: number }> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const found = await Promise.race([
    isIP(host) === 0 ? lookup(host, { all: true }).catch(() => []) : [{ address: host, family: isIP(host) }],
    new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(tired(url)), { once: true });
    }),
  ]);
  const [first] = found;
  if (first === undefined)
    throw new DomainError("unavailable", `the host ${url.host} is not known`, { hint: "check the address" });
  const isAllowed = allowedHosts.includes(url.host) || allowedHosts.includes(url.hostname);
  // One private address among several is a private host.
  if (isAllowed || found.every(({ address }) => isPublicAddress(address))) return first;
  throw new DomainError("denied", `${url.host} is not on the public internet`, {
    hint: "a person may allow it: SLIPWAY_ALLOWED_HOSTS when the server starts",
  });
}

async function ask(
  url: URL,
  allowedHosts: readonly string[],
  signal: AbortSignal,
  etag: string | undefined,
): Promise<IncomingMessage> {
  if (signal.aborted) throw tired(url);
  const { address, family } = await resolved(url, allowedHosts, signal);
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      signal,
      agent: false,
      headers: {
        "user-agent": USER_AGENT,
        accept: "text/markdown, text/html, application/pdf, application/json, text/plain, */*;q=0.1",
        "accept-encoding": "identity",
        ...(etag === undefined ? {} : { "if-none-match": etag }),
      },
      lookup: (_, options, give) =>
        options.all === true ? give(null, [{ address, family }]) : give(null, address, family),
    });
    asked.on("response", resolve);
    asked.on("error", (cause) =>
      reject(
        signal.aborted
          ? tired(url)
          : new DomainError("unavailable", `${url.host} cannot be reached`, {
              hint: "try again later",
              cause,
            }),
      ),
    );
    asked.end();
  });
}

async function readAll(response: IncomingMessage, url: URL, signal: AbortSignal): Promise<Buffer> {
  const large = new DomainError("limit", `${url.host} gives more than ${MAX_BYTES / 1e6} MB`, {
    hint: OTHER,
  });
  if (!["", "identity"].includes(response.headers["content-encoding"] ?? "")) {
    response.destroy();
    throw new DomainError("invalid", `${url.host} packs its answer although it was asked not to`, {
      hint: OTHER,
    });
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > MAX_BYTES) throw large;
      chunks.push(bytes);
    }
  } catch (cause) {
    if (cause instanceof DomainError) throw cause;
    throw signal.aborted
      ? tired(url)
      : new DomainError("unavailable", `${url.host} broke off its answer`, {
          hint: "try again later",
          cause,
        });
  } finally {
    response.destroy();
  }
  return Buffer.concat(chunks);
}

function tired(url: URL): DomainError {
  return new DomainError(
    "timeout",
    `${url.host} took longer than ${TIMEOUT_MS / 1_000} s, or the call was cancelled`,
    {
      hint: OTHER,
    },
  );
}

function refusedBy(url: URL, status: number): DomainError {
  return status === 404 || status === 410
    ? new DomainError("not_found", `${url.host} has no such page`, { hint: "check the address" })
    : new DomainError("unavailable", `${url.host} answers with status ${status}`, { hint: OTHER });
}
