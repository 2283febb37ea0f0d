import { join } from "node:path";
import { githubAuthorization } from "../../servers/git/adapters/github-client.ts";
import { openGitBench } from "../../test/servers/git/git-server.ts";
import { openForge, TOKEN, type Fault } from "../../test/support/forge/forge.ts";
import { gitPlayground } from "../../test/support/git-repository.ts";
import { seededRandom } from "../statistics.ts";
import type { SoakPart } from "./soak-part.ts";

const FAULTY = 0.3;

/** A share of all requests fails, before or after it was carried out; the caller asks again under its key until told. */
export const pullRequestsPart: SoakPart = {
  count: 500,
  async run({ from, count, reached }) {
    const ground = gitPlayground();
    const repo = ground.repository(join(ground.app, "repo"));
    const forge = await openForge(ground, repo);
    ground.git(repo, "remote", "add", "origin", forge.remote);
    const github = { url: forge.api, token: TOKEN, readOnly: false, paced: false };
    const settings = { protocols: ["http"], authorization: githubAuthorization(github) };
    const bench = await openGitBench(settings, ground, github);
    const random = seededRandom(5 + from);
    const kinds: readonly Fault[] = ["500_before", "500_after", "cut_before", "cut_after"];
    let faults = 0;
    forge.faults = () => {
      if (random() >= FAULTY) return undefined;
      faults += 1;
      return kinds[Math.floor(random() * kinds.length)];
    };
    const tree = ground.git(repo, "rev-parse", "main^{tree}");
    for (let number = from; number < count; number += 1) {
      if (number % 10 === 0) reached(number);
      const head = `work-${number}`;
      const commit = ground.git(repo, "commit-tree", tree, "-p", "main", "-m", head);
      ground.git(repo, "update-ref", `refs/heads/${head}`, commit);
      ground.git(forge.bare, "fetch", "--quiet", repo, `${head}:${head}`);
      const args = { repo, action: "create", head, title: head, idempotency_key: head };
      for (let attempt = 0; ; attempt += 1) {
        const result = await bench.client.callTool({ name: "write_pull_request", arguments: args });
        if (result.isError !== true) break;
        if (attempt === 50) throw new Error(`${head} was never made: ${JSON.stringify(result.content)}`);
      }
    }
    const heads = new Set(forge.state.pulls.map((pull) => pull.head));
    await forge.close();
    await bench.close();
    if (heads.size !== count - from || forge.state.pulls.length !== count - from)
      throw new Error(`${count - from} heads have ${forge.state.pulls.length} pull requests`);
    return [`${count - from} heads, ${faults} faults`, "exactly one pull request each"];
  },
};
