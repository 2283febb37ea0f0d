import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../../../bench/statistics.ts";
import { unit } from "../../../../servers/memory/domain/embedder.ts";
import type { VectorIndex } from "../../../../servers/memory/domain/vector-index.ts";

const DIMENSION = 12;

/** What every vector index must do. `open` gives an empty one for vectors of 12 numbers. */
export function vectorIndexConformance(
  name: string,
  open: () => Promise<{ readonly index: VectorIndex; close(): Promise<void> }>,
): void {
  describe(`vector index: ${name}`, () => {
    let index: VectorIndex;
    let close: () => Promise<void>;
    beforeEach(async () => {
      ({ index, close } = await open());
    });
    afterEach(() => close());

    const random = seededRandom(11);
    const vector = (): Float32Array => unit(Float32Array.from({ length: DIMENSION }, () => random() - 0.5));
    const all = (): boolean => true;
    const numbersNear = async (query: Float32Array, most: number, accepts: (n: number) => boolean = all) =>
      (await index.nearest(query, most, accepts)).map(({ n }) => n);

    test("finds what a look at every vector finds", async () => {
      const vectors = Array.from({ length: 300 }, (_, at) => ({ n: at + 1, values: vector() }));
      await index.put(vectors);
      const query = vector();
      const cosine = (values: Float32Array): number =>
        values.reduce((sum, value, at) => sum + value * (query[at] ?? 0), 0);
      const expected = vectors.toSorted((a, b) => cosine(b.values) - cosine(a.values)).slice(0, 10);
      expect(await numbersNear(query, 10)).toEqual(expected.map(({ n }) => n));
      const [best] = await index.nearest(query, 1, all);
      expect(best?.cosine).toBeCloseTo(cosine(expected[0]?.values ?? query), 5);
    });

    test("replaces, drops and filters", async () => {
      const [a, b, c] = [vector(), vector(), vector()];
      await index.put([a, b, c].map((values, at) => ({ n: at + 1, values })));
      expect(await numbersNear(a, 1)).toEqual([1]);
      expect(await numbersNear(a, 3, (n) => n !== 1)).not.toContain(1);
      await index.put([{ n: 3, values: a }]);
      expect(await index.size()).toBe(3);
      expect(await numbersNear(a, 2)).toEqual([1, 3]);
      await index.drop([1, 99]);
      expect(await index.size()).toBe(2);
      expect(await numbersNear(a, 1)).toEqual([3]);
      expect(await numbersNear(b, 1)).toEqual([2]);
      await index.drop([2, 3]);
      expect(await numbersNear(b, 5)).toEqual([]);
    });

    test("refuses vectors of another length, and keeps what it has", async () => {
      const kept = vector();
      await index.put([{ n: 1, values: kept }]);
      const other = new Float32Array(DIMENSION + 1).fill(1);
      await expect(index.put([{ n: 2, values: other }])).rejects.toMatchObject({ code: "invalid" });
      await expect(index.nearest(other, 1, all)).rejects.toMatchObject({ code: "invalid" });
      expect(await numbersNear(kept, 5)).toEqual([1]);
    });
  });
}
