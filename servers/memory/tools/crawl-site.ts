import { DomainError } from "../../../kernel/errors.ts";
import { USER_AGENT, type Fetched, type Web } from "../adapters/web.ts";
import { mayFetch } from "../domain/document/robots.ts";

/** One page of a site, or why it is not there. */
export interface Visit {
  readonly url: string;
  readonly depth: number;
}

export interface CrawlLimits {
  readonly depth: number;
  readonly pages: number;
}

/** What becomes of a page: the links on it, and where it really was. */
export type Visitor = (url: string) => Promise<{ readonly links: readonly string[]; readonly url: string }>;

/**
 * Visits a page and those of the same site that it leads to, breadth first, one after the other: what robots.txt
 * forbids is skipped, what llms.txt names comes right after the first page.
 *
 * @param skip Told why a page is left out.
 * @throws {DomainError} what the first page throws; later ones are skipped.
 */
export async function crawlSite(
  web: Web,
  start: string,
  { depth, pages }: CrawlLimits,
  signal: AbortSignal,
  visit: Visitor,
  skip: (url: string, reason: string) => void,
): Promise<number> {
  const first = await visit(start);
  const { origin } = new URL(first.url);
  const seen = new Set([withoutHash(start), withoutHash(first.url)]);
  const queue: Visit[] = [];
  const push = (links: readonly string[], from: string, at: number): void => {
    if (at > depth) return;
    for (const link of links) {
      const url = URL.canParse(link, from) ? withoutHash(new URL(link, from).href) : undefined;
      if (url === undefined || seen.has(url) || new URL(url).origin !== origin) continue;
      seen.add(url);
      queue.push({ url, depth: at });
    }
  };
  if (pages > 1 && depth > 0) push(linksIn(await textAt(web, `${origin}/llms.txt`, signal)), origin, 1);
  push(first.links, first.url, 1);
  const robots = queue.length === 0 ? "" : await robotsOf(web, origin, signal);
  let count = 1;
  for (const { url, depth: at } of queue) {
    if (count >= pages) {
      skip(url, `more than ${pages} pages`);
      break;
    }
    const { pathname, search } = new URL(url);
    if (!mayFetch(robots, USER_AGENT, pathname + search)) {
      skip(url, "robots.txt forbids it");
      continue;
    }
    try {
      const page = await visit(url);
      seen.add(withoutHash(page.url));
      count += 1;
      push(page.links, page.url, at + 1);
    } catch (error) {
      if (!(error instanceof DomainError) || signal.aborted) throw error;
      skip(url, error.message);
    }
  }
  return count;
}

function withoutHash(url: string): string {
  return url.replace(/#.*$/s, "");
}

/** A site whose robots.txt cannot be had, other than for having none, is left alone. Source: RFC 9309, 2.3.1. */
async function robotsOf(web: Web, origin: string, signal: AbortSignal): Promise<string> {
  try {
    return textOf(await web.fetch(`${origin}/robots.txt`, signal));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return error.code === "not_found" ? "" : "User-agent: *\nDisallow: /";
  }
}

async function textAt(web: Web, url: string, signal: AbortSignal): Promise<string> {
  try {
    return textOf(await web.fetch(url, signal));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return "";
  }
}

function textOf(fetched: Fetched | "unchanged"): string {
  return fetched === "unchanged" || fetched.type.includes("html")
    ? ""
    : fetched.bytes.toString("utf8").slice(0, 500_000);
}

function linksIn(markdown: string): readonly string[] {
  return Array.from(markdown.matchAll(/\]\(([^)\s]+)\)/g), ([, link = ""]) => link);
}
