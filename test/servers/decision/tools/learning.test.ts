import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { model, modelCommand } from "../../../../servers/decision/cli/model.ts";
import { modelSource } from "../../../../servers/decision/store/current-model.ts";
import type { LessonRecord } from "../../../../servers/decision/store/decision-store.ts";
import { seededRandom } from "../../../../servers/decision/domain/learning/seeded-random.ts";
import { openForTest, type OpenDecision } from "../open.ts";
import { makeRepository, type Repository } from "../repository.ts";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 1);
const ModelSaid = z.object({ version: z.string() });
const WRITER = { principal: { id: "test" }, once: undefined };

let repo: Repository;
let open: OpenDecision;
beforeAll(async () => {
  repo = makeRepository();
  repo.write("a.ts", "one\n");
  repo.commit("first");
  repo.write("a.ts", "one\ntwo\n");
  repo.commit("small");
  open = await openForTest([repo.path], NOW);
});
afterAll(async () => {
  await open.close();
  repo.remove();
});

/** Small changes go well, large ones mostly do not. */
function lesson(i: number, attested: LessonRecord["attested"]): LessonRecord {
  const random = seededRandom(i);
  const la = Math.floor(random() * 400);
  const at = NOW - (800 - i) * DAY_MS;
  return {
    id: `${attested}:${i}`,
    action: null,
    principal: "git",
    attested,
    stated: null,
    risk: null,
    verdict: null,
    model: null,
    metrics: {
      ...{ ns: 1, nd: 1, nf: 1, entropy: 0, la, ld: 0, lt: 1, fix: 0 },
      ...{ ndev: 1, age: 1, nuc: 1, exp: 1, rexp: 1, sexp: 1 },
    },
    at,
    due: at + 90 * DAY_MS,
    label: random() < (la / 400) ** 2 ? 1 : 0,
  };
}

async function teach(count: number, attested: LessonRecord["attested"]): Promise<void> {
  await open.store.write(WRITER, async (tx) => {
    for (let i = 0; i < count; i += 1) {
      const each = lesson(i, attested);
      await tx.setLesson(each.id, each, NOW);
    }
  });
}

/** Somebody at the terminal of `slipway decision model`, who types this. */
async function person(
  typed: string | null,
  ...argv: string[]
): Promise<{ readonly code: number; readonly said: string }> {
  const said: string[] = [];
  const command =
    typed === null
      ? model
      : modelCommand(() => ({
          user: "ann",
          say: (line) => void said.push(line),
          ask: async () => typed,
          close: () => undefined,
        }));
  const code = await command([...argv, "--home", open.home], {
    out: (line) => void said.push(line),
    err: (line) => void said.push(line),
    env: { CI: "1" },
    cwd: open.home,
    terminal: undefined,
    signal: new AbortController().signal,
  });
  return { code, said: said.join("\n") };
}

const assessed = (): Promise<Record<string, unknown>> =>
  open.must("assess_risk", { action: "merge", repo: repo.path });
const sumOf = (factors: unknown): number =>
  Array.isArray(factors)
    ? factors.reduce((sum: number, { contribution }: { contribution: number }) => sum + contribution, 0)
    : Number.NaN;

test("assess_risk: the formula, then what was learned; promoted as an event, explained, held and let go", async () => {
  const before = await assessed();
  expect(before["model"]).toMatchObject({ name: "weighted_formula", version: "2" });

  await teach(300, "mined");
  // It is grown anew in steps of about a twentieth: for 288 of them.
  const learned = await assessed();
  expect(learned["model"]).toMatchObject({
    name: "online_logistic",
    version: expect.stringMatching(/^\d+-[0-9a-f]{12}$/),
    trained_on: expect.stringContaining("288 of the repository's past, 0 reported"),
  });
  expect(learned["risk"]).toBeLessThan(0.2);
  expect(sumOf(learned["factors"])).toBe(Number(learned["risk"]));
  const promoted = (await open.store.events({ after: 0, limit: 500 })).filter(
    ({ type }) => type === "model.promoted",
  );
  expect(promoted).toHaveLength(1);
  expect(promoted[0]?.data).toMatchObject({ from: "weighted_formula", to: "online_logistic" });

  // A claim raises a learned risk, and the parts still add up.
  const claimed = await open.must("assess_risk", {
    action: "merge",
    repo: repo.path,
    facts: { complexity: 1, coverage: 0 },
  });
  expect(Number(claimed["risk"])).toBeGreaterThan(Number(learned["risk"]));
  expect(sumOf(claimed["factors"])).toBe(Number(claimed["risk"]));

  const decided = await open.must("decide", {
    action: "merge",
    assessment_id: learned["assessment_id"],
    confidence: 0.95,
  });
  const explained = await open.must("explain_decision", { decision_id: decided["decision_id"] });
  expect(explained["counterfactual"]).toMatchObject({
    factor: expect.stringMatching(/^(?:la|nf|confidence)$/),
  });
  expect(sumOf(explained["contributions"])).toBe(Number(learned["risk"]));

  // Rolled back to the formula, and the same model as before when it is released.
  const { version } = ModelSaid.parse(learned["model"]);
  expect((await person(null)).said).toContain(
    `in force: ${version}\nit goes on learning\n  ${version}  online`,
  );
  expect(await person("rollback", "rollback")).toMatchObject({ code: 0 });
  expect((await assessed())["model"]).toMatchObject({ name: "weighted_formula" });
  expect(await person("rollback", "rollback")).toMatchObject({
    code: 1,
    said: expect.stringContaining("nothing before it"),
  });
  expect(await person("release", "release")).toMatchObject({ code: 0 });
  expect(await assessed()).toMatchObject({ model: learned["model"], risk: learned["risk"] });

  // More lessons make a second version; back to the first, which stays what it was when every lesson is gone.
  await teach(360, "mined");
  expect((await assessed())["model"]).toMatchObject({ version: expect.stringMatching(/^352-/) });
  expect(await person("rollback", "rollback")).toMatchObject({ code: 0 });
  await open.store.write(WRITER, (tx) => tx.dropMined());
  expect(await assessed()).toMatchObject({ model: { version }, risk: learned["risk"] });

  // Neither a program nor another word changes anything, and the attempt is on record.
  expect(await person(null, "release")).toMatchObject({
    code: 4,
    said: expect.stringContaining("CI is set"),
  });
  expect(await person("yes", "release")).toMatchObject({ code: 1 });
  expect(await person("freeze", "freeze", "9-abc")).toMatchObject({
    code: 1,
    said: expect.stringContaining("there is no version 9-abc"),
  });
  expect(await person("thaw", "thaw")).toMatchObject({ code: 2 });
  const events = await open.store.events({
    after: 0,
    limit: 500,
    types: ["model.held", "model.released", "access.denied"],
  });
  expect(events.map(({ type, principal, data }) => [type, principal, data["to"] ?? data["what"]])).toEqual([
    ["model.held", "user:ann", "weighted_formula"],
    ["model.released", "user:ann", undefined],
    ["model.held", "user:ann", version],
    ["access.denied", "local", "model release"],
  ]);

  // A version that was changed in the file is not used.
  const file = new DatabaseSync(join(open.home, "decision.db"));
  file.exec(`UPDATE model_version SET checksum = 'x' WHERE version = '${version}'`);
  file.close();
  expect(await modelSource().current(open.store, NOW)).toMatchObject({ named: { name: "weighted_formula" } });
  expect(await person("release", "release")).toMatchObject({ code: 0 });
}, 30_000);

test("a model is grown outside the write, and again where lessons came in between", async () => {
  const models = modelSource();
  const grownFor: string[] = [];
  let writes = 0;
  const before = await open.store.read((tx) => tx.lessonCount(NOW));
  await models.within(
    open.store,
    NOW,
    async (work) => {
      writes += 1;
      if (writes === 1) await teach(300, "mined");
      return open.store.write(WRITER, work);
    },
    async (tx, current) => {
      grownFor.push(current.named.version);
      expect((await tx.inForce())?.version).toBe(current.named.version);
    },
  );
  expect(before.count).toBe(0);
  expect(writes).toBe(2);
  expect(grownFor).toEqual([expect.stringMatching(/^288-/)]);
  await open.store.write(WRITER, (tx) => tx.dropMined());
});

test("labels reported by those who made the change raise a risk and never lower the formula's", async () => {
  const formula = await open.must("assess_risk", { action: "plan", facts: { complexity: 0.5 } });
  expect(formula["model"]).toMatchObject({ name: "weighted_formula" });
  const plain = Number((await assessed())["risk"]);
  await teach(300, "self");
  const learned = await assessed();
  expect(learned["model"]).toMatchObject({ name: "online_logistic" });
  expect(Number(learned["risk"])).toBeGreaterThanOrEqual(plain);
}, 30_000);

test("outcomes become lessons once they are due; a correction replaces, and no word of its own takes a bad end back", async () => {
  const lessons = (now: number): Promise<number> =>
    open.store.read(
      async (tx) =>
        (await tx.lessons({ now, with: "verdict", limit: 100 })).filter(({ label }) => label === 1).length,
    );
  const { decision_id } = await open.must("decide", {
    action: "merge",
    facts: { complexity: 0.1 },
    confidence: 0.8,
  });
  const record = (outcome: string): Promise<Record<string, unknown>> =>
    open.must("record_outcome", { decision_id, outcome, source: "ci" });
  expect(await record("success")).toMatchObject({ learned: false });
  expect(await lessons(open.now())).toBe(0);
  expect(await record("failure")).toMatchObject({ learned: true, corrected: "success" });
  expect(await record("failure")).toMatchObject({ learned: true });
  expect(await lessons(open.now())).toBe(1);
  // A bad end that its maker told of is not taken back by its maker.
  expect(await record("unknown")).toMatchObject({ learned: true });
  expect(await lessons(open.now())).toBe(1);
});

test("get_calibration, and decide believes what outcomes say of a statement", async () => {
  const states = async (confidence: number): Promise<Record<string, unknown>> =>
    open.must("decide", { action: "deploy", facts: { complexity: 0.1, test_failure_rate: 0 }, confidence });
  for (let i = 0; i < 40; i += 1) {
    const { decision_id } = await states(0.99);
    await open.must("record_outcome", {
      decision_id,
      outcome: i % 2 === 0 ? "failure" : "success",
      source: "ci",
    });
  }
  open.pass(91 * DAY_MS);
  const report = await open.must("get_calibration", { scope: "deploy" });
  expect(report).toMatchObject({
    outcomes: 40,
    ece: expect.closeTo(0.49, 2),
    brier: expect.closeTo(0.49, 2),
    reliability: [{ n: 40, rate: 0.5, p: expect.closeTo(0.99, 9) }],
    budget: expect.closeTo(0.25, 9),
  });
  const after = await states(0.99);
  expect(after["reasons"]).toContainEqual(expect.stringMatching(/^confidence 0.99 counts as 0\.[456]/));
  // Never above what was stated.
  const low = await open.must("explain_decision", { decision_id: (await states(0.2))["decision_id"] });
  expect(low["trace"]).toMatchObject({ confidence: expect.toSatisfy((value: number) => value <= 0.2) });
  expect(await open.must("get_calibration", { scope: "nobody/merge" })).toMatchObject({
    outcomes: 0,
    auto_share: null,
    within_budget: null,
  });
}, 30_000);
