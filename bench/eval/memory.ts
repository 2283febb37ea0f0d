/**
 * Retrieval measured against evidence, without a judge: `npm run eval:memory`. Prints markdown for docs/measurements.
 *
 *     memory.ts [--data DIR] [--quick] [--model DIR] [--only conversations|code]
 *
 * DIR holds `locomo-dev.json` and `cosqa/` (default ../shared/eval). `--quick` leaves the choice of weights out.
 * `--model` is the folder of a local model: vectors are then part of it (bench/eval/minilm.py makes one for evaluation).
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { machineLine, markdownTable } from "../machine.ts";
import { quantile } from "../statistics.ts";
import { readCosqa, readLocomo } from "./data.ts";
import {
  byCategory,
  GRID,
  leaveOneOut,
  sessionHits,
  storeConversations,
  turnRecall,
  VECTOR_GRID,
} from "./locomo.ts";
import { meanOf, ndcgOf } from "./metrics.ts";
import { measuredServer } from "./server.ts";

type Line = readonly [what: string, value: number, n: number, bar: string];

async function evaluateConversations(
  folder: string,
  isQuick: boolean,
  model: string | undefined,
): Promise<readonly string[]> {
  const server = await measuredServer(model);
  const stored = await storeConversations(server, readLocomo(folder));
  const lines: Line[] = [];
  const add = (what: string, scores: readonly number[], bar = ""): void => {
    lines.push([what, meanOf(scores), scores.length, bar]);
  };
  const notes: string[] = [];
  if (!isQuick) {
    const { scores, chosen } = await leaveOneOut(server, stored, model === undefined ? GRID : VECTOR_GRID);
    add("turn evidence recall@10, weights chosen leave-one-conversation-out", scores, ">= 0.74");
    notes.push("", "Weights chosen for each conversation on the others:", "");
    notes.push(...chosen.map((weights) => `- ${JSON.stringify(weights)}`));
  }
  const shipped = await turnRecall(server, stored);
  add(
    "turn evidence recall@10, weights as shipped",
    shipped.flat(),
    model === undefined ? ">= 0.74" : "aim 0.80",
  );
  for (const [category, scores] of byCategory(stored.conversations, shipped)) add(`- ${category}`, scores);
  for (const retrievers of [
    ["lexical"],
    ["graph"],
    ...(model === undefined ? [] : [["vector"], ["lexical", "graph"]]),
  ])
    add(
      `turn evidence recall@10, ${retrievers.join()} alone`,
      (await turnRecall(server, stored, { retrievers })).flat(),
    );
  add(
    "turn evidence recall in an answer of 1,000 tokens",
    (await turnRecall(server, stored, { k: 20, max_tokens: 1_000 })).flat(),
  );
  add("session hit@1, weights as shipped", (await sessionHits(server, stored)).flat(), ">= 0.75");
  const table = tableOf("LoCoMo, development part", lines);
  const latency = `${server.ms.length} recalls through the MCP tools in this process: p50 ${quantile(server.ms, 0.5).toFixed(1)} ms, p99 ${quantile(server.ms, 0.99).toFixed(1)} ms`;
  await server.close();
  return [table, ...notes, "", latency, ""];
}

async function evaluateCode(folder: string, model: string | undefined): Promise<readonly string[]> {
  const { functions, queries } = readCosqa(folder);
  const server = await measuredServer(model);
  const ids = await server.remember(functions.map((text) => ({ text, kind: "code" })));
  const gains: number[] = [];
  const hits: number[] = [];
  for (const { text, answer } of queries) {
    const found = await server.recall({ query: text, k: 10 });
    const wanted = new Set([ids[answer] ?? ""]);
    gains.push(ndcgOf(wanted, found));
    hits.push(found.some((id) => wanted.has(id)) ? 1 : 0);
  }
  await server.close();
  return [
    tableOf("CoSQA, development part", [
      ["nDCG@10", meanOf(gains), gains.length, ">= 0.39"],
      ["recall@10", meanOf(hits), hits.length, ""],
    ]),
  ];
}

function tableOf(title: string, lines: readonly Line[]): string {
  const rows = lines.map(([what, value, n, bar]) => [what, value.toFixed(4), `${n}`, bar]);
  return markdownTable([title, "value", "questions", "bar"], rows);
}

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "../shared/eval" },
    quick: { type: "boolean", default: false },
    model: { type: "string" },
    only: { type: "string" },
  },
});
const folder = resolve(values.data);
if (!existsSync(join(folder, "locomo-dev.json"))) {
  process.stderr.write(
    `eval:memory: there is no locomo-dev.json in ${folder}; name its folder with --data DIR\n`,
  );
  process.exitCode = 2;
} else {
  process.stdout.write(`${machineLine(new Date())}\n\n`);
  const model = values.model === undefined ? undefined : resolve(values.model);
  if (values.only !== "code")
    process.stdout.write(`${(await evaluateConversations(folder, values.quick, model)).join("\n")}\n`);
  if (values.only !== "conversations")
    process.stdout.write(`${(await evaluateCode(folder, model)).join("\n")}\n`);
  process.stdout.write(`\n${machineLine(new Date())}\n`);
}
