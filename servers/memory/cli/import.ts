import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { idSource } from "../../../kernel/ids.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import { JOINS } from "../domain/replica.ts";
import { importLines, nothingImported } from "../store/import-lines.ts";
import { openStore } from "./open-store.ts";

const HELP = `slipway memory import FILE [--merge lww|union] [--home DIR]

Takes in an export of slipway, or the memory.jsonl of @modelcontextprotocol/server-memory: entities, what was observed
of them (also as facts that recall finds), relations, memories. Importing the same file again changes nothing. Bad lines
are told and passed over; exit 1 when there are any. Servers may run meanwhile.

A memory that is here in another form becomes one with it: by lww (default) the last write wins, by union the tags,
entities and metadata of both stay as well. Stores that import each other's exports come to the same, in any order.`;

const IMPORTER = { principal: { id: "slipway memory import" }, once: undefined };
const BATCH = 200;
const MAX_TOLD = 20;

export const memoryImportCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    { home: { type: "string" }, merge: { type: "string" }, help: { type: "boolean", short: "h" } },
    1,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const merge = flags.text("merge") ?? "lww";
  const join = JOINS.find((one) => one === merge);
  if (join === undefined)
    throw new DomainError("invalid", "--merge names no way to merge", { hint: `one of ${JOINS.join(", ")}` });
  const [name] = flags.words;
  if (name === undefined)
    throw new DomainError("invalid", "no file is named", { hint: "slipway memory import FILE" });
  const file = resolve(io.cwd, name);
  if (!(await stat(file).catch(() => undefined))?.isFile())
    throw new DomainError("not_found", `there is no file ${file}`, { hint: "check the path" });
  const store = openStore(flags, io, true);
  try {
    const newId = idSource(systemClock);
    const total = nothingImported();
    let batch: { readonly line: number; readonly text: string }[] = [];
    const flush = async (): Promise<void> => {
      const lines = batch;
      batch = [];
      await store.write(IMPORTER, (tx) =>
        importLines(lines, tx, { principal: IMPORTER.principal.id, now: systemClock() }, newId, total, join),
      );
    };
    let line = 0;
    for await (const text of createInterface({
      input: createReadStream(file),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      io.signal.throwIfAborted();
      line += 1;
      batch.push({ line, text });
      if (batch.length === BATCH) await flush();
      if (line % 10_000 === 0) io.err(`${line} lines`);
    }
    await flush();
    for (const bad of total.bad.slice(0, MAX_TOLD)) io.out(`line ${bad.line}: ${bad.reason}`);
    if (total.bad.length > MAX_TOLD) io.out(`and ${total.bad.length - MAX_TOLD} more bad lines`);
    const { memories, entities, relations, known, joined } = total;
    io.err(
      `${memories} memories, ${entities} entities, ${relations} relations taken in; ${joined} joined, ${known} known already`,
    );
    return total.bad.length > 0 ? EXIT.failed : EXIT.done;
  } finally {
    store.close();
  }
};
