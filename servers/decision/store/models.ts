import { deflateSync, inflateSync } from "node:zlib";
import { z } from "zod";
import { digestOf } from "../../../kernel/canonical-json.ts";
import { parseRow, type Sql } from "../../../kernel/sqlite/database.ts";
import type { Emit } from "../../../kernel/store.ts";
import { MODEL } from "../domain/formula.ts";
import type { RiskCurve } from "../domain/risk-budget.ts";
import type { LessonRecord, ModelNamed } from "./decision-store.ts";
import { toKeptLessons } from "./rows.ts";

/** A version that the model can be held to. */
export interface ModelVersion extends ModelNamed {
  /** When it came into force first, epoch milliseconds. */
  readonly at: number;
}

export interface Hold {
  readonly version: string;
  readonly by: string;
  readonly at: number;
}

export interface InForce {
  readonly name: string;
  readonly version: string;
  readonly curve: RiskCurve | null;
}

/** What the store offers for models. A change of the model in force, and of what it is held to, is an event. */
export interface ModelTx {
  /** Notes which model is in force and how defects lie along its forecasts. */
  putInForce(
    model: ModelNamed,
    curve: RiskCurve,
    evidence: Readonly<Record<string, number | string>>,
    now: number,
  ): Promise<void>;
  inForce(): Promise<InForce | null>;
  /** Keeps a version under its name, once; of older ones the newest ten and the one that is held stay. */
  keepVersion(model: ModelNamed, lessons: readonly LessonRecord[], now: number): Promise<void>;
  /** Newest first. */
  versions(): Promise<readonly ModelVersion[]>;
  /** The lessons of a version; null where it is not there or does not match its checksum. */
  lessonsOf(version: string): Promise<readonly LessonRecord[] | null>;
  /** Puts on record from which history the lessons of the past were read anew. */
  noteTraining(training: Training): Promise<void>;
  /** The repository that the lessons of the past were first read from; null where none were. */
  trainedFrom(): Promise<string | null>;
  held(): Promise<Hold | null>;
  /** Holds the model to a version, or lets it go on learning. */
  hold(version: string | null, by: string, now: number): Promise<void>;
}

/** What `decision train` learned from. */
export interface Training {
  /** The main worktree. */
  readonly repo: string;
  readonly head: string;
  readonly counts: Readonly<Record<string, number>>;
  /** SHA-256 over the lessons. */
  readonly digest: string;
}

const KEPT_VERSIONS = 10;
/** Bytes. Lessons of a version have a tenth of it. */
const LARGEST = 32 * 1024 * 1024;

const Curve = z.object({
  cuts: z.array(z.object({ p: z.number(), changes: z.int(), defects: z.int() })),
});
const InForceRow = z.object({ name: z.string(), version: z.string(), curve: z.string().nullable() });
const VersionRow = z.object({
  version: z.string(),
  name: z.string(),
  trained_on: z.string(),
  at: z.int(),
});
const HoldRow = z.object({ version: z.string(), by: z.string(), at: z.int() });

export function bindModels(sql: Sql, emit: Emit): ModelTx {
  return {
    async putInForce({ name, version, trained_on }, curve, evidence, now) {
      const before = sql.get("SELECT name, version, curve FROM model_in_force");
      const text = JSON.stringify(curve);
      if (before?.["version"] === version && before["name"] === name && before["curve"] === text) return;
      sql.run(
        "INSERT OR REPLACE INTO model_in_force (one, name, version, at, curve) VALUES (1, ?, ?, ?, ?)",
        name,
        version,
        now,
        text,
      );
      const from = String(before?.["name"] ?? MODEL.name);
      if (from === name) return;
      emit({
        type: "model.promoted",
        subject: name,
        data: { from, to: name, version, trained_on, ...evidence },
      });
    },
    async inForce() {
      const row = sql.get("SELECT name, version, curve FROM model_in_force");
      if (row === undefined) return null;
      const { name, version, curve } = parseRow(InForceRow, row);
      return { name, version, curve: curve === null ? null : Curve.parse(JSON.parse(curve)) };
    },
    async keepVersion({ name, version, trained_on }, lessons, now) {
      if (sql.get("SELECT 1 AS found FROM model_version WHERE version = ?", version) !== undefined) return;
      const text = JSON.stringify(lessons);
      sql.run(
        "INSERT INTO model_version (version, name, trained_on, checksum, at, lessons) VALUES (?, ?, ?, ?, ?, ?)",
        version,
        name,
        trained_on,
        digestOf(text),
        now,
        deflateSync(text),
      );
      sql.run(
        `DELETE FROM model_version WHERE version NOT IN (SELECT version FROM model_version ORDER BY at DESC, rowid DESC LIMIT ?)
           AND version NOT IN (SELECT version FROM model_hold)`,
        KEPT_VERSIONS,
      );
    },
    async versions() {
      return sql
        .all("SELECT version, name, trained_on, at FROM model_version ORDER BY at DESC, rowid DESC")
        .map((row) => parseRow(VersionRow, row));
    },
    async lessonsOf(version) {
      const row = sql.get("SELECT checksum, lessons FROM model_version WHERE version = ?", version);
      const lessons = row?.["lessons"];
      if (!(lessons instanceof Uint8Array)) return null;
      const text = inflated(lessons);
      return text === null || digestOf(text) !== row?.["checksum"] ? null : toKeptLessons(text);
    },
    async noteTraining({ repo, head, counts, digest }) {
      emit({ type: "model.trained", subject: head, data: { repo, head, ...counts, digest } });
    },
    async trainedFrom() {
      const row = sql.get(
        "SELECT json_extract(data, '$.repo') AS repo FROM event WHERE type = 'model.trained' ORDER BY seq LIMIT 1",
      );
      return row === undefined ? null : String(row["repo"]);
    },
    async held() {
      const row = sql.get("SELECT version, by, at FROM model_hold");
      return row === undefined ? null : parseRow(HoldRow, row);
    },
    async hold(version, by, now) {
      const before = sql.get("SELECT version FROM model_hold")?.["version"];
      sql.run("DELETE FROM model_hold");
      if (version !== null)
        sql.run("INSERT INTO model_hold (one, version, by, at) VALUES (1, ?, ?, ?)", version, by, now);
      emit({
        type: version === null ? "model.released" : "model.held",
        subject: version ?? String(before ?? ""),
        data: { by, from: before === undefined ? null : String(before), to: version },
      });
    },
  };
}

function inflated(bytes: Uint8Array): string | null {
  try {
    return inflateSync(bytes, { maxOutputLength: LARGEST }).toString("utf8");
  } catch {
    return null;
  }
}
