import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { temporaryFolder } from "../test/support/all-servers.ts";
import { mustCall } from "../test/support/connect.ts";
import { residentMb } from "./machine.ts";
import { quantile, seededRandom } from "./statistics.ts";
import { startStdioServer } from "./stdio-server.ts";

/** `recall` and `remember` over stdio on a store of some size. */
export interface RecallFigures {
  readonly records: number;
  /** The first recall of a fresh process, which reads what it ranks. */
  readonly firstMs: number;
  /** From then until its answers are ranked by all of it. */
  readonly loadedMs: number;
  readonly recallMs: readonly number[];
  readonly rememberMs: readonly number[];
  /** Tokens of o200k of the largest answer; its budget is 2,000. */
  readonly largestAnswer: number;
  readonly rssMb: number;
}

const PAGE = 200;
const WORDS = 20_000;
const WORDS_IN_TEXT = 25;

/** Words as frequent as in a language (Zipf), made from syllables so that they look like words. */
function textSource(seed: number): (words: number) => string {
  const random = seededRandom(seed);
  const syllables = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu".split(" ");
  const word = (rank: number): string => {
    let [rest, text] = [rank, ""];
    do {
      text += syllables[rest % syllables.length] ?? "";
      rest = Math.floor(rest / syllables.length);
    } while (rest > 0);
    return `${text}k`;
  };
  return (words) => Array.from({ length: words }, () => word(Math.floor(WORDS ** random()) - 1)).join(" ");
}

export async function measureRecall(records: number, calls: number): Promise<RecallFigures> {
  const home = temporaryFolder("bench-recall");
  const text = textSource(records);
  const item = (at: number): object => ({
    text: text(WORDS_IN_TEXT),
    kind: at % 3 === 0 ? "message" : "fact",
    ...(at % 3 === 0 ? { thread: { id: `thread ${Math.floor(at / 300)}`, seq: at, author: "ann" } } : {}),
  });
  try {
    const filling = await startStdioServer("memory", home.path);
    for (let from = 0; from < records; from += PAGE) {
      const items = Array.from({ length: Math.min(PAGE, records - from) }, (_, at) => item(from + at));
      await mustCall(filling.client, "remember", { items });
    }
    await filling.close();
    const server = await startStdioServer("memory", home.path);
    try {
      const began = performance.now();
      const recall = () => mustCall(server.client, "recall", { query: `${text(6)}?` });
      await recall();
      const firstMs = performance.now() - began;
      while (!JSON.stringify((await recall())["retrievers"]).includes('"graph","')) await pause(50);
      const loadedMs = performance.now() - began;
      const recallMs: number[] = [];
      const rememberMs: number[] = [];
      let largestAnswer = 0;
      for (let turn = 0; turn < calls; turn += 1) {
        const recalled = performance.now();
        const answer = await recall();
        recallMs.push(performance.now() - recalled);
        largestAnswer = Math.max(largestAnswer, encode(JSON.stringify(answer)).length);
        if (turn % 4 !== 0) continue;
        const remembered = performance.now();
        await mustCall(server.client, "remember", { items: [item(records + turn)] });
        rememberMs.push(performance.now() - remembered);
      }
      return {
        records,
        firstMs,
        loadedMs,
        recallMs,
        rememberMs,
        largestAnswer,
        rssMb: residentMb(server.pid),
      };
    } finally {
      await server.close();
    }
  } finally {
    home.dispose();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export const RECALL_HEAD = [
  "records",
  "first ms",
  "loaded after ms",
  "recall p50 ms",
  "recall p99 ms",
  "remember p50 ms",
  "remember p99 ms",
  "largest answer, tokens",
  "RSS MB",
];

/** One row under `RECALL_HEAD`. */
export function recallRow(figures: RecallFigures): readonly string[] {
  const { records, firstMs, loadedMs, recallMs, rememberMs, largestAnswer, rssMb } = figures;
  return [
    records.toLocaleString("en"),
    firstMs.toFixed(0),
    loadedMs.toFixed(0),
    ...[recallMs, rememberMs].flatMap((ms) => [0.5, 0.99].map((q) => quantile(ms, q).toFixed(1))),
    `${largestAnswer}`,
    rssMb.toFixed(0),
  ];
}
