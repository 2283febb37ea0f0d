import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { defineTool, type Annotations } from "../../../kernel/mcp/tool.ts";
import { readRef, swapRef } from "../adapters/refs.ts";
import { writeTag } from "../adapters/release.ts";
import { openRemote, pushTo } from "../adapters/remote.ts";
import { signerOf } from "../adapters/sign.ts";
import type { GitDeps } from "../deps.ts";
import { formatVersion, parseVersion } from "../domain/release.ts";
import { effects, keyInput, repoInput, requester, writeInTurn, written } from "./answer.ts";
import { journaled } from "./journal.ts";
import { readPlan } from "./plan-release.ts";

const TALKS: Annotations = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: true,
};

export const publishRelease = defineTool({
  name: "publish_release",
  title: "Publish a release",
  description: "Tags HEAD, if it is still at expected_head, and pushes the tag where a remote is named.",
  input: z.object({
    repo: repoInput,
    version: z.string(),
    expected_head: z.string(),
    sign: z.boolean().optional(),
    remote: z.string().optional(),
    idempotency_key: keyInput,
  }),
  output: z.object({ tag: z.string(), commit: z.string(), ...written }).partial(),
  annotations: TALKS,
  scope: "admin",
  async run({ repo, version: text, expected_head, sign, remote: name }, deps: GitDeps, call) {
    const version = parseVersion(text);
    if (version === undefined)
      throw new DomainError("invalid", "this is no version", { hint: "give one such as 1.2.3" });
    const signer = sign === true ? signerOf(deps.host) : undefined;
    const git = await deps.host.open(repo);
    const remote = name === undefined ? undefined : await openRemote(deps.host, git, name);
    return writeInTurn(deps, git, call, async () => {
      const pending = await deps.store.read((tx) => tx.pending(requester(call)));
      const { head, prefix, changelog } = await readPlan(git, undefined);
      if (head !== (await git.resolveCommit(expected_head)))
        throw new DomainError("conflict", "HEAD is not at the expected commit; nothing was tagged", {
          hint: "plan_release again, and pass its head",
        });
      const tag = `${prefix}${formatVersion(version)}`;
      const ref = `refs/tags/${tag}`;
      const there = await readRef(git, ref);
      if (there !== null && (await git.resolveCommit(tag)) !== head)
        throw new DomainError("conflict", `the tag ${tag} is there, on another commit`, {
          hint: "choose the next version",
        });
      const id = pending?.id ?? deps.newId("op");
      const at = deps.clock();
      const to =
        there ??
        (await writeTag(git, { name: tag, commit: head, message: `${tag}\n\n${changelog}`, at }, signer));
      const change = { ref, from: there, to };
      const plan = { kind: "branch" as const, action: "create" as const, refs: [change] };
      await journaled(deps, git, call, id, plan, async () => {
        if (there === null && !(await swapRef(git, change, "release: by slipway")))
          throw new DomainError("conflict", `the tag ${tag} was made by somebody else just now`, {
            hint: "call again",
          });
        if (remote !== undefined) await pushTo(remote, { commit: to, ref, expected: undefined }, call.signal);
      });
      return deps.store.answer(call, (tx) => {
        tx.settle(id, "done", []);
        return {
          tag,
          commit: head,
          operation_id: id,
          effects: effects([change], [], remote?.host === undefined ? [] : [remote.host]),
        };
      });
    });
  },
});
