import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { sampleProject } from "../support/sample-project.ts";
import { slipwayHere } from "../support/slipway-here.ts";
import { slipway } from "../support/slipway-process.ts";

test("a run left to itself is stopped, resumed and cancelled while it works", async () => {
  const project = sampleProject();
  onTestFinished(() => project.remove());
  const place = ["--home", project.home];
  // The second task never ends by itself; each go leaves a trace.
  const script = `case "$REF" in
    add) sed -i 's/a - b/a + b/' add.js ;;
    hang) if [ -e ${project.folder}/first ]; then touch ${project.folder}/second; else touch ${project.folder}/first; fi; sleep 3600 ;;
  esac`;
  const plan = {
    tasks: [
      { ref: "add", title: "Fix add", acceptance: [{ run: "grep -q 'a + b' add.js" }] },
      { ref: "hang", title: "Hang", depends_on: ["add"], acceptance: [{ run: "true" }] },
    ],
  };
  const begun = (name: string): Promise<void> =>
    expect.poll(() => existsSync(join(project.folder, name)), { timeout: 60_000, interval: 50 }).toBe(true);

  const left = await slipway([...project.run(plan, script), "--detach"]);
  expect(left.code, left.err.join("\n")).toBe(0);
  const { subject: id }: { readonly subject: string } = JSON.parse(left.out[0] ?? "{}");
  expect(left.out).toHaveLength(1);
  await begun("first");

  const stopped = await slipwayHere(["stop", ...place]);
  expect(stopped).toMatchObject({ code: 0, out: [`${id} stopped; go on with: slipway resume ${id}`] });
  expect(await slipwayHere(["stop", ...place])).toMatchObject({ code: 0, out: [], err: ["nothing runs"] });
  expect(await slipwayHere(["pause", ...place])).toMatchObject({
    code: 0,
    out: [`${id} is paused; go on with: slipway resume ${id}`],
  });

  const resumed = slipway(["resume", id, ...place, "--json"]);
  await begun("second");
  const main = project.git("rev-parse", "main");
  expect(await slipwayHere(["cancel", ...place])).toMatchObject({ code: 2 });
  const cancelled = await slipwayHere(["cancel", id, ...place, "--json"]);
  expect(cancelled.code, cancelled.err.join("\n")).toBe(0);
  expect(await resumed).toMatchObject({ code: 130 });
  expect(JSON.parse(cancelled.out.at(-1) ?? "{}")).toMatchObject({
    type: "run.finished",
    status: "cancelled",
    tasks: [
      { ref: "add", status: "merged" },
      { ref: "hang", status: "cancelled" },
    ],
  });
  expect(project.git("rev-parse", "main")).toBe(main);
  expect(project.git("worktree", "list").split("\n")).toHaveLength(1);
  const queue = await slipwayHere(["tasks", "list", "--status", "cancelled", "--json", ...place]);
  expect(queue.out.join("\n")).toContain('"Hang"');

  for (const verb of ["cancel", "pause", "resume"])
    expect(await slipwayHere([verb, id, ...place])).toMatchObject({
      code: 1,
      err: [expect.stringMatching(/has finished/)],
    });
});
