import fc from "fast-check";
import { expect, test } from "vitest";
import { pageOf, type Place } from "../../../../servers/memory/domain/page.ts";
import { estimateTokens } from "../../../../kernel/tokens.ts";

test("page after page gives every text in full, each page within its budget", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", " ", "\n", '"', "é", "😀", "\u0001"),
    maxLength: 3_000,
  });
  fc.assert(
    fc.property(
      fc.array(text, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 200, max: 900 }),
      (texts, budget) => {
        const items = texts.map((content, index) => ({ id: `mem_${index}`, text: content }));
        const read = new Map<string, string>();
        let place: Place | undefined = { index: 0, offset: 0 };
        for (let pages = 0; place !== undefined; pages += 1) {
          expect(pages).toBeLessThan(500);
          const { items: page, next }: ReturnType<typeof pageOf<{ id: string; text: string }>> = pageOf(
            items,
            place,
            budget,
          );
          expect(page.length).toBeGreaterThan(0);
          expect(estimateTokens(JSON.stringify(page))).toBeLessThanOrEqual(budget);
          for (const item of page) {
            expect(item.text_from ?? 0).toBe((read.get(item.id) ?? "").length);
            read.set(item.id, (read.get(item.id) ?? "") + item.text);
          }
          place = next;
        }
        expect([...read.values()]).toEqual(texts);
      },
    ),
  );
});
