import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { callTool, connect, mustCall, type Connection } from "../../../support/connect.ts";
import { openForTest } from "../open-memory.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "slipway-ingest-")));
const app = join(base, "app");
mkdirSync(app);

const PROSE = "A lease ends after a while, and the queue gives the task to somebody else. ".repeat(12);
const GUIDE = `# Leases\n\n${PROSE}\n\n## Renewal\n\n${PROSE}\n\nEvery heartbeat renews the lease of a zebra.\n`;

const asked: string[] = [];
const etags: (string | undefined)[] = [];
let guide = GUIDE;

const html = (body: string): string =>
  `<!doctype html><title>Home</title><nav>menu <a href="/b.html">b</a></nav><script>evil()</script>${body}`;

type Route = (response: ServerResponse, etag: string | undefined) => void;
const page =
  (type: string, body: string): Route =>
  (response) =>
    response.setHeader("content-type", type).end(body);
const redirect =
  (location: string): Route =>
  (response) =>
    response.writeHead(302, { location }).end();

const ROUTES: Readonly<Record<string, Route>> = {
  "/": page(
    "text/html; charset=utf-8",
    html(
      "<h1>Home</h1><p>Welcome, wombat.</p><pre>npm  ci</pre><a href='a.html#x'>a</a> <a href='https://elsewhere.example/'>e</a><a href='/private/x'>p</a>",
    ),
  ),
  "/a.html": page(
    "text/html",
    html("<h2>Page a</h2><p>The numbat lives here.</p><a href='/deep.html'>d</a><a href='/'>home</a>"),
  ),
  "/b.html": page("text/html", html("<p>The quokka lives here.</p>")),
  "/deep.html": page("text/html", html("<p>Too deep.</p>")),
  "/robots.txt": page("text/plain", "User-agent: *\nDisallow: /private\n"),
  "/llms.txt": page("text/plain", "# Site\n- [guide](/guide.md): first\n"),
  "/guide.md": (response, etag) => {
    etags.push(etag);
    const tag = `"${guide.length}"`;
    if (etag === tag) response.writeHead(304).end();
    else response.writeHead(200, { "content-type": "text/markdown", etag: tag }).end(guide);
  },
  "/to-private": redirect("http://10.0.0.1/"),
  "/to-file": redirect("file:///etc/passwd"),
  "/loop": redirect("/loop"),
  "/hop": redirect("/guide.md"),
  "/gone": (response) => response.writeHead(404).end(),
  "/endless": (response) => {
    response.setHeader("content-type", "text/plain");
    const more = (): void => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
    };
    response.on("drain", more);
    more();
  },
  "/packed": (response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x"),
  "/binary": page("application/octet-stream", "\0\0\0"),
  "/broken.pdf": page("application/pdf", "%PDF-1.7\nnonsense"),
  "/empty": page("text/plain", "  \n"),
};

const site = createServer((request, response) => {
  asked.push(request.url ?? "");
  const route = ROUTES[request.url ?? ""];
  if (route === undefined) response.writeHead(404).end();
  else route(response, request.headers["if-none-match"]);
});
let port = 0;
let connection: Connection;
let dispose: () => Promise<void>;
let url = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  port = z.object({ port: z.int() }).parse(site.address()).port;
  url = `http://127.0.0.1:${port}`;
  const { server } = openForTest(":memory:", Date.now, [app], [`127.0.0.1:${port}`]);
  connection = await connect(server);
  dispose = async () => {
    await connection.close();
    await server.close();
  };
});
afterAll(async () => {
  await dispose();
  site.closeAllConnections();
  await new Promise((resolve) => site.close(resolve));
  rmSync(base, { recursive: true, force: true });
});

const Kept = z.object({
  id: z.string(),
  chunks: z.int(),
  pages: z.int().optional(),
  skipped: z.array(z.object({ uri: z.string(), reason: z.string() })),
});
const ingest = async (args: Record<string, unknown>): Promise<z.output<typeof Kept>> =>
  Kept.parse(await mustCall(connection.client, "ingest_document", args));
const refusal = async (args: Record<string, unknown>): Promise<unknown> => {
  const answer = await callTool(connection.client, "ingest_document", args);
  return answer.ok ? "done" : answer.error["code"];
};

async function found(query: string, more: object = {}): Promise<readonly Record<string, unknown>[]> {
  const answer = await mustCall(connection.client, "recall", { query, ...more });
  return z.array(z.record(z.string(), z.unknown())).parse(answer["hits"]);
}

describe("texts and files", () => {
  test("a text becomes chunks that know their document, their headings and their span", async () => {
    const { id, chunks } = await ingest({ text: GUIDE, title: "Guide", tags: ["lease"] });
    expect(chunks).toBeGreaterThanOrEqual(1);
    const [hit] = await found("heartbeat zebra", { tags: ["lease"] });
    expect(hit).toMatchObject({ kind: "doc", thread: { id, seq: chunks } });
    const whole = await mustCall(connection.client, "get_memories", { ids: [id, String(hit?.["id"])] });
    const [outline, chunk] = z
      .array(z.object({ text: z.string(), metadata: z.record(z.string(), z.unknown()).optional() }))
      .parse(whole["items"]);
    expect(outline?.text).toBe("Guide\n- Leases\n- Renewal");
    const span = z.tuple([z.int(), z.int()]).parse(chunk?.metadata?.["span"]);
    expect(GUIDE.slice(...span)).toBe(chunk?.text);
    // Said again it is the same document, and nothing new.
    expect(await ingest({ text: GUIDE, title: "Guide", tags: ["lease"] })).toMatchObject({ id, chunks });
    expect(await found("heartbeat zebra", { thread: id })).toHaveLength(1);
  });

  test("a file is known by its path, read anew when it changed, and what is gone from it is not found", async () => {
    const path = join(app, "notes.md");
    writeFileSync(path, `# Notes\n\nThe bilby digs.\n`);
    const { id } = await ingest({ path });
    expect((await found("bilby"))[0]).toMatchObject({ source: { path: "notes.md" }, trust: "outside" });
    writeFileSync(path, `# Notes\n\nThe dingo runs.\n`);
    expect((await found("bilby"))[0]).toMatchObject({ stale: true });
    expect(await ingest({ path })).toMatchObject({ id, chunks: 1 });
    expect(await found("bilby")).toEqual([]);
    expect((await found("dingo"))[0]?.["stale"]).toBeUndefined();
  });

  test("an OpenAPI file is found by operation, with where it stands in the source", async () => {
    const source =
      'openapi: "3.0.0"\npaths:\n  /wallabies:\n    get:\n      summary: All wallabies\n      responses: {"200": {"description": "x", "$ref": "#/paths"}}\n';
    writeFileSync(join(app, "api.yaml"), source);
    await ingest({ path: join(app, "api.yaml") });
    const [hit] = await found("wallabies", { kinds: ["doc"] });
    expect(hit?.["title"]).toContain("GET /wallabies");
    const whole = await mustCall(connection.client, "get_memories", { ids: [String(hit?.["id"])] });
    const [item] = z
      .array(z.object({ metadata: z.object({ span: z.tuple([z.int(), z.int()]) }) }))
      .parse(whole["items"]);
    expect(source.slice(...(item?.metadata.span ?? [0, 0]))).toMatch(/^get:\n {6}summary/);
  });

  test("a PDF is read by its text", async () => {
    const stream = "BT /F1 12 Tf 72 720 Td (The cassowary struts) Tj ET";
    const objects = [
      "<< /Type /Catalog /Pages 2 0 R >>",
      "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
      `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
      "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ];
    writeFileSync(
      join(app, "bird.pdf"),
      `%PDF-1.4\n${objects.map((one, index) => `${index + 1} 0 obj\n${one}\nendobj\n`).join("")}trailer << /Root 1 0 R >>\n`,
    );
    await ingest({ path: join(app, "bird.pdf") });
    expect((await found("cassowary"))[0]).toMatchObject({ source: { path: "bird.pdf" } });
  });

  test.each([
    ["nothing", {}, "invalid"],
    ["two places", { text: "a", path: "/x" }, "invalid"],
    ["an empty text", { text: " \n" }, "invalid"],
    ["a crawl of a text", { text: "a", crawl: {} }, "invalid"],
    ["a file outside the roots", { path: "/etc/hostname" }, "denied"],
    ["a relative path", { path: "notes.md" }, "invalid"],
    ["a file that is not there", { path: join(app, "nothing.md") }, "not_found"],
    ["a folder", { path: app }, "invalid"],
    ["a link to the outside", { path: join(app, "link.md") }, "denied"],
    ["a broken PDF", { path: join(app, "broken.pdf") }, "invalid"],
    ["a binary", { path: join(app, "binary.bin") }, "invalid"],
    ["a text of 11 MB", { text: "word ".repeat(2_200_001) }, "limit"],
  ])("%s is refused", async (_, args, code) => {
    symlinkSync("/etc/hostname", join(app, "link.md"), "file");
    writeFileSync(join(app, "broken.pdf"), "%PDF-1.7\nnonsense");
    writeFileSync(join(app, "binary.bin"), "\0\x01");
    expect(await refusal(args)).toBe(code);
    rmSync(join(app, "link.md"));
  });
});

describe("pages", () => {
  test("a page is read as its content, without scripts and menus", async () => {
    await ingest({ uri: `${url}/` });
    const [hit] = await found("wombat");
    expect(hit).toMatchObject({ title: "Home", source: { uri: `${url}/` }, trust: "outside" });
    expect(String(hit?.["snippet"])).toContain("```\nnpm  ci\n```");
    expect(await found("evil menu")).toEqual([]);
  });

  test("a crawl stays on the site, within depth and pages, by robots.txt, with what llms.txt names first", async () => {
    asked.length = 0;
    const { pages, skipped } = await ingest({ uri: `${url}/`, crawl: { depth: 1, pages: 10 } });
    expect(pages).toBe(4);
    expect(skipped).toEqual([{ uri: `${url}/private/x`, reason: "robots.txt forbids it" }]);
    expect(asked).toEqual(["/", "/llms.txt", "/robots.txt", "/guide.md", "/b.html", "/a.html"]);
    expect((await found("numbat"))[0]).toMatchObject({ source: { uri: `${url}/a.html` } });
    expect(await found("quokka")).toHaveLength(1);
    expect((await ingest({ uri: `${url}/`, crawl: { depth: 2, pages: 2 } })).skipped).toContainEqual({
      uri: `${url}/b.html`,
      reason: "more than 2 pages",
    });
  });

  test("a page that has not changed is not read again", async () => {
    etags.length = 0;
    const { id, chunks } = await ingest({ uri: `${url}/guide.md` });
    expect(await ingest({ uri: `${url}/guide.md` })).toMatchObject({ id, chunks });
    guide = `${GUIDE}\nThe echidna hides.\n`;
    expect(await ingest({ uri: `${url}/guide.md` })).toMatchObject({ id });
    expect(etags.slice(1)).toEqual([etags[0], etags[0]]);
    expect((await found("echidna"))[0]).toMatchObject({ source: { uri: `${url}/guide.md` } });
    // What was forgotten comes back when it is wanted again.
    await mustCall(connection.client, "forget_memories", { ids: [id], reason: "test" });
    await ingest({ uri: `${url}/guide.md` });
    expect(etags.at(-1)).toBeUndefined();
    expect(await ingest({ uri: `${url}/hop` })).toMatchObject({ chunks: expect.any(Number) });
  });

  test.each([
    ["/to-private", "denied"],
    ["/to-file", "invalid"],
    ["/loop", "limit"],
    ["/gone", "not_found"],
    ["/endless", "limit"],
    ["/packed", "invalid"],
    ["/binary", "invalid"],
    ["/broken.pdf", "invalid"],
    ["/empty", "invalid"],
  ])("%s is refused", async (path, code) => {
    expect(await refusal({ uri: url + path })).toBe(code);
  });

  test.each([
    "http://127.0.0.1:1/",
    "http://2130706433:1/",
    "http://0x7f.1:1/",
    "http://017700000001:1/",
    "http://127.1:1/",
    "http://[::1]:1/",
    "http://[::ffff:127.0.0.1]:1/",
    "http://[::ffff:7f00:1]:1/",
    "http://0.0.0.0:1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://localhost:1/",
    "http://①②⑦.0.0.1:1/",
  ])("%s is a private address in any notation", async (uri) => {
    expect(await refusal({ uri })).toBe("denied");
  });

  test.each([
    "ftp://example.org/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "nonsense",
    "",
    "http://a:b@example.org/",
  ])("%j is no address to read", async (uri) => {
    expect(await refusal({ uri })).toBe("invalid");
  });
});
