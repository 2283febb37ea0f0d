import { expect, test } from "vitest";
import { mine, type Hunk, type MinedCommit } from "../../../../servers/decision/domain/mining.ts";

const DAY_MS = 86_400_000;

interface Said {
  readonly id: string;
  readonly day: number;
  readonly message?: string;
  readonly hunks?: readonly Hunk[];
  readonly path?: string;
  readonly isNew?: boolean;
}

function commit({ id, day, message = "work", hunks = [], path = "a.ts", isNew = false }: Said): MinedCommit {
  return {
    id,
    author: "ann@example.com",
    at: day * DAY_MS,
    message,
    files: hunks.length === 0 ? [] : [{ path, isBinary: false, isNew, isDeleted: false, hunks }],
  };
}

const adds = (at: number, added: number): Hunk => ({ at, removed: [], added });
const takes = (at: number, count: number, added = 0): Hunk => ({
  at,
  removed: Array.from({ length: count }, () => true),
  added,
});
const LATER = commit({ id: "ffff", day: 400 });

const labels = (commits: readonly MinedCommit[]): Record<string, number> =>
  Object.fromEntries(mine(commits).lessons.map(({ id, label }) => [id, label]));

test("a fix blames whoever wrote the lines it takes out, through lines that moved", () => {
  const commits = [
    commit({ id: "a1", day: 0, hunks: [adds(0, 3)], isNew: true }),
    commit({ id: "b2", day: 1, hunks: [adds(3, 2)] }),
    commit({ id: "c3", day: 2, hunks: [adds(0, 10)] }),
    // Line 14 is the first of b2, ten lines further down than it was written.
    commit({ id: "d4", day: 3, message: "fix: the total", hunks: [takes(14, 1, 1)] }),
    LATER,
  ];
  expect(labels(commits)).toEqual({ "git:a1": 0, "git:b2": 1, "git:c3": 0, "git:d4": 0 });
  const due = mine(commits).lessons.map(({ due: at }) => at / DAY_MS);
  expect(due).toEqual([90, 3, 92, 93]);
});

test("work that takes lines out is no fix; blank lines, documents and lines from before the window blame nobody", () => {
  const start = commit({ id: "a1", day: 0, hunks: [adds(0, 3)], isNew: true });
  const fix = (hunks: readonly Hunk[], path = "a.ts"): MinedCommit =>
    commit({ id: "b2", day: 1, message: "Fixed it", hunks, path });
  const blamed = (...commits: readonly MinedCommit[]): number | undefined =>
    labels([start, ...commits, LATER])["git:a1"];
  expect(blamed(fix([takes(1, 1)]))).toBe(1);
  expect(blamed(commit({ id: "b2", day: 1, message: "prefixes", hunks: [takes(1, 1)] }))).toBe(0);
  expect(blamed(fix([{ at: 1, removed: [false], added: 0 }]))).toBe(0);
  expect(blamed(fix([takes(40, 2)], "old.ts"))).toBe(0);
  expect(
    labels([
      commit({ id: "a1", day: 0, hunks: [adds(0, 1)], isNew: true, path: "README.md" }),
      fix([takes(1, 1)], "README.md"),
      LATER,
    ])["git:a1"],
  ).toBe(0);
});

test("a revert blames the commit that it names, and nobody by lines", () => {
  const mined = mine([
    commit({ id: "abcdef1234", day: 0, hunks: [adds(0, 2)], isNew: true }),
    commit({ id: "b2", day: 1, hunks: [adds(0, 1)] }),
    commit({
      id: "c3",
      day: 9,
      message: 'Revert "x"\n\nThis reverts commit abcdef1234.',
      hunks: [takes(1, 1)],
    }),
    LATER,
  ]);
  expect(mined).toMatchObject({ commits: 4, reverts: 1, fixes: 0, young: 1 });
  expect(mined.lessons.filter(({ label }) => label === 1).map(({ id }) => id)).toEqual(["git:abcdef1234"]);
});

test("commits younger than 90 days are left out, good or bad", () => {
  const mined = mine([
    commit({ id: "a1", day: 0, hunks: [adds(0, 2)], isNew: true }),
    commit({ id: "b2", day: 50, message: "fix it", hunks: [takes(1, 1)] }),
  ]);
  expect(mined.lessons).toEqual([]);
  expect(mined.young).toBe(2);
});

test("the metrics know the past only", () => {
  const { lessons } = mine([
    commit({ id: "a1", day: 0, hunks: [adds(0, 4)], isNew: true }),
    commit({ id: "b2", day: 10, message: "fix", hunks: [takes(1, 1, 2)] }),
    LATER,
  ]);
  expect(lessons[0]?.metrics).toMatchObject({ la: 4, ld: 0, lt: 0, nuc: 0, exp: 0, fix: 0 });
  expect(lessons[1]?.metrics).toMatchObject({ la: 2, ld: 1, lt: 4, nuc: 1, exp: 1, age: 10, fix: 1 });
});

test("no commits, no lessons", () => {
  expect(mine([])).toEqual({ lessons: [], commits: 0, fixes: 0, reverts: 0, young: 0 });
});
