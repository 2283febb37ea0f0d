import { expect, test } from "vitest";
import { seededRandom } from "../../../../bench/statistics.ts";
import { personalRank } from "../../../../servers/memory/domain/personal-rank.ts";
import type { Link } from "../../../../servers/memory/domain/walk.ts";

/** Power iteration over the whole graph: the oracle. */
function iterated(start: number, nodes: number, links: readonly Link[]): readonly number[] {
  const around = Array.from({ length: nodes }, () => new Set<number>());
  for (const { from, to } of links)
    if (from !== to) {
      around[from]?.add(to);
      around[to]?.add(from);
    }
  let ranks: number[] = around.map(() => 0);
  for (let turn = 0; turn < 200; turn += 1) {
    const next: number[] = around.map((_, node) => (node === start ? 0.15 : 0));
    ranks.forEach((rank, node) => {
      for (const other of around[node] ?? [])
        next[other] = (next[other] ?? 0) + (0.85 * rank) / (around[node]?.size ?? 1);
    });
    ranks = next;
  }
  return ranks;
}

test("ranks as power iteration does: each value within the bound, and the same first twenty but for near-equals", () => {
  const random = seededRandom(3);
  const nodes = 300;
  const links = Array.from({ length: 900 }, () => ({
    from: Math.floor(random() * nodes),
    type: "DEPENDS_ON",
    to: Math.floor(random() ** 3 * nodes),
  }));
  const degrees = new Map<number, number>();
  for (const { from, to } of links)
    for (const node of [from, to]) degrees.set(node, (degrees.get(node) ?? 0) + 1);
  const start = links[0]?.from ?? 0;
  const found = personalRank([start], links);
  const wanted = iterated(start, nodes, links);
  for (const [node, rank] of wanted.entries()) {
    const own = found.get(node) ?? 0;
    expect(own).toBeLessThanOrEqual(rank + 1e-9);
    expect(rank - own).toBeLessThanOrEqual(1e-5 * Math.max(1, degrees.get(node) ?? 0) * 1.01);
  }
  const best = [...wanted.keys()].toSorted((a, b) => (wanted[b] ?? 0) - (wanted[a] ?? 0)).slice(0, 20);
  const same = best.filter((node) => [...found.keys()].slice(0, 20).includes(node));
  expect(same.length).toBeGreaterThanOrEqual(18);
});

test("what leads nowhere keeps everything, and loops and doubles change nothing", () => {
  expect([...personalRank([7], [])]).toEqual([[7, 1]]);
  const links = [{ from: 1, type: "A", to: 2 }];
  const more = [...links, { from: 2, type: "B", to: 1 }, { from: 1, type: "A", to: 1 }];
  expect(personalRank([1], more)).toEqual(personalRank([1], links));
});
