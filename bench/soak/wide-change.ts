import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DomainError } from "../../kernel/errors.ts";
import { gitCache } from "../../kernel/git/open.ts";
import { openRoots } from "../../kernel/roots.ts";
import { gitHistory } from "../../servers/decision/adapters/git-history.ts";
import { temporaryFolder } from "../../test/support/all-servers.ts";

const BOUND_MS = 60_000;

/** Assesses a change of so many files. It has to end in a refusal that says what to do, within a minute. */
export async function assessWideChange(
  files: number,
): Promise<{ readonly code: string; readonly ms: number }> {
  const folder = temporaryFolder("soak-wide");
  try {
    const repo = join(folder.path, "repo");
    mkdirSync(repo);
    const git = (argv: readonly string[], input = ""): string =>
      execFileSync("git", ["-c", "user.name=soak", "-c", "user.email=soak@example.com", ...argv], {
        cwd: repo,
        input,
        encoding: "utf8",
        maxBuffer: 64 * 1024 * 1024,
      }).trim();
    git(["init", "--quiet"]);
    for (const text of ["one\n", "two\n"]) {
      const blob = git(["hash-object", "-w", "--stdin"], text);
      const entries = Array.from({ length: files }, (_, i) => `100644 ${blob}\td${i % 300}/f${i}.ts\n`);
      git(["update-index", "--add", "--index-info"], entries.join(""));
      git(["commit", "--quiet", "-m", text.trim()]);
    }
    const source = gitHistory({
      roots: openRoots([repo]),
      path: process.env["PATH"] ?? "",
      home: folder.path,
      cache: gitCache(),
    });
    const began = performance.now();
    const code = await source
      .read({ repo, base: undefined, head: "HEAD", signal: new AbortController().signal })
      .then(
        () => "answered",
        (error: unknown) => {
          if (error instanceof DomainError) return error.code;
          throw error;
        },
      );
    const ms = performance.now() - began;
    if (code !== "limit") throw new Error(`a change of ${files} files ended in ${code}`);
    if (ms > BOUND_MS) throw new Error(`a change of ${files} files took ${ms.toFixed(0)} ms`);
    return { code, ms };
  } finally {
    folder.dispose();
  }
}
