import { mkdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { counterProblems } from "../../../bench/queue/counters.ts";
import { driveKills } from "../../../bench/queue/kills.ts";
import { drillRestores } from "../../../bench/queue/restores.ts";
import { driveVolume } from "../../../bench/queue/volume.ts";
import { zombieTrials } from "../../../bench/queue/zombies.ts";
import { temporaryFolder } from "../../support/all-servers.ts";

// The full counts are `npm run soak -- tasks`.
const folder = temporaryFolder("tasks-faults");
function home(name: string): string {
  const path = join(folder.path, name);
  mkdirSync(path, { recursive: true });
  return path;
}
afterAll(() => folder.dispose());

describe("servers killed -9 in the midst of work", () => {
  test("lose nothing that they acknowledged, and leave a sound file with right counters", async () => {
    const { problems, acknowledged } = await driveKills({
      home: home("kills"),
      rounds: 2,
      seed: 3,
      withinCalls: 40,
    });
    expect(problems).toEqual([]);
    expect(acknowledged).toBeGreaterThan(20);
  });

  test("are restored from a backup with all that it had been told, and the work goes on", async () => {
    expect(await drillRestores(home("restores"), 1)).toEqual({ problems: [], held: 30 });
  });
});

test("two processes without a server between them work a plan off without a double claim", async () => {
  const { problems, claims } = await driveVolume(home("volume"), 2, 60, 5);
  expect({ problems, claims }).toEqual({ problems: [], claims: 60 });
  // The audit of counters sees what it is there for.
  const db = new DatabaseSync(join(home("volume"), "tasks.db"));
  db.exec("UPDATE task SET open_deps = open_deps + 1 WHERE seq = 7");
  db.close();
  expect(counterProblems(join(home("volume"), "tasks.db"))).toEqual([
    expect.stringMatching(/ is succeeded: 1 open dependencies kept, 0 counted$/),
  ]);
});

test("a holder that comes back after another has claimed is refused, whatever it tries", async () => {
  expect(await zombieTrials(home("zombies"), 8)).toBe(8);
});
