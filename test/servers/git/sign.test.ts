import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gitPlayground } from "../../support/git-repository.ts";
import { requirement } from "../../support/skip.ts";
import { openGitBench, type GitBench } from "./git-server.ts";

const keygen = requirement(
  "ssh-keygen",
  spawnSync("ssh-keygen", ["-?"]).error === undefined,
  "it is not on PATH",
);

describe.skipIf(keygen.skip)(`signatures${keygen.label}`, () => {
  let bench: GitBench;
  let locked: GitBench;
  let repo: string;
  let key: string;

  const makeKey = (file: string, passphrase: string): string => {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", file]);
    return file;
  };
  beforeAll(async () => {
    const ground = gitPlayground();
    key = makeKey(join(ground.base, "key"), "");
    const other = makeKey(join(ground.base, "locked"), "a passphrase");
    bench = await openGitBench({ signingKey: { file: key, agent: undefined } }, ground);
    locked = await openGitBench(
      { signingKey: { file: other, agent: undefined } },
      { ...ground, dispose: () => {} },
    );
    repo = ground.repository(join(ground.app, "repo"));
    writeFileSync(join(ground.base, "signers"), `slipway@localhost ${readFileSync(`${key}.pub`, "utf8")}`);
  });
  afterAll(async () => {
    await locked.close();
    await bench.close();
  });

  const git = (...args: readonly string[]): string => bench.ground.git(repo, ...args);
  const verify = (...args: readonly string[]): string =>
    git("-c", `gpg.ssh.allowedSignersFile=${join(bench.ground.base, "signers")}`, ...args);
  const commit = (text: string) => {
    bench.ground.write(repo, { "a.txt": text });
    return { repo, paths: ["a.txt"], message: "signed\n\nwith a body", sign: true };
  };

  it("of commits and tags are git's own, with nothing of the repository's programs in between", async () => {
    const program = join(bench.ground.base, "program");
    writeFileSync(program, `#!/bin/sh\ntouch ${bench.ground.base}/ran\nexit 0\n`);
    chmodSync(program, 0o755);
    git("config", "gpg.ssh.program", program);
    git("config", "user.signingKey", "nobody's");
    const { commit: made } = await bench.must("commit_changes", commit("1\n"));
    await bench.must("publish_release", { repo, version: "1.0.0", expected_head: made, sign: true });
    expect(existsSync(join(bench.ground.base, "ran"))).toBe(false);
    git("config", "--unset", "gpg.ssh.program");
    verify("verify-commit", String(made));
    verify("verify-tag", "v1.0.0");
    git("fsck", "--strict");
    // What was signed is what is verified.
    expect(() => verify("verify-commit", "HEAD^")).toThrow();
  });

  it("fail closed: without the key nothing is committed and nothing tagged", async () => {
    const before = [git("rev-parse", "HEAD"), git("for-each-ref", "refs/tags")];
    renameSync(key, `${key}.away`);
    expect(await bench.refused("commit_changes", commit("2\n"))).toMatchObject({ code: "unavailable" });
    expect(
      await bench.refused("publish_release", { repo, version: "2.0.0", expected_head: "HEAD", sign: true }),
    ).toMatchObject({ code: "unavailable" });
    expect(await locked.refused("commit_changes", commit("3\n"))).toMatchObject({ code: "unavailable" });
    expect([git("rev-parse", "HEAD"), git("for-each-ref", "refs/tags")]).toEqual(before);
    renameSync(`${key}.away`, key);
  });
});
