import { z } from "zod";
import type { Clock } from "../../kernel/clock.ts";
import { KERNEL_TABLES, type EventQuery, type EventRecord, type NewEvent } from "../../kernel/events.ts";
import { openDatabase, type Migration } from "../../kernel/sqlite/open.ts";
import { parseRow } from "../../kernel/sqlite/database.ts";
import { storeOver } from "../../kernel/store.ts";

const APPLICATION_ID = 0x53_4c_50_06;

const MIGRATIONS: readonly Migration[] = [
  `${KERNEL_TABLES}
CREATE TABLE driver (run_id TEXT PRIMARY KEY, pid INTEGER NOT NULL, born TEXT NOT NULL) STRICT, WITHOUT ROWID;
`,
];

/** The process that drives a run: its id, and when it was born, because ids are used again. */
export interface Driver {
  readonly pid: number;
  readonly born: string;
}

/** The record of all runs of a state folder: events, and who drives each run now. */
export interface RunStore {
  /** Appends events in one transaction. */
  append(events: readonly NewEvent[]): Promise<void>;
  events(query: EventQuery): Promise<readonly EventRecord[]>;
  /**
   * Makes this process the driver of a run, unless a live one is.
   * Returns the live one in that case, else null.
   */
  drive(runId: string, driver: Driver, isAlive: (other: Driver) => boolean): Promise<Driver | null>;
  stopDriving(runId: string, pid: number): Promise<void>;
  driverOf(runId: string): Promise<Driver | undefined>;
  close(): void;
}

const DriverRow = z.object({ pid: z.int(), born: z.string() });
const LOCAL = { principal: { id: "local" }, once: undefined };

export function openRunStore(path: string, clock: Clock): RunStore {
  const db = openDatabase({ path, applicationId: APPLICATION_ID, migrations: MIGRATIONS });
  const store = storeOver(db, clock, (sql, emit) => ({ sql, emit }));
  const find = (runId: string): Promise<Driver | undefined> =>
    store.read(({ sql }) => {
      const row = sql.get("SELECT pid, born FROM driver WHERE run_id = ?", runId);
      return row === undefined ? undefined : parseRow(DriverRow, row);
    });
  return {
    append: (events) => store.write(LOCAL, ({ emit }) => emit(...events)),
    events: (query) => store.events(query),
    drive: (runId, driver, isAlive) =>
      store.write(LOCAL, ({ sql }) => {
        const row = sql.get("SELECT pid, born FROM driver WHERE run_id = ?", runId);
        const other = row === undefined ? undefined : parseRow(DriverRow, row);
        if (other !== undefined && isAlive(other)) return other;
        sql.run(
          "INSERT OR REPLACE INTO driver (run_id, pid, born) VALUES (?, ?, ?)",
          runId,
          driver.pid,
          driver.born,
        );
        return null;
      }),
    stopDriving: (runId, pid) =>
      store.write(
        LOCAL,
        ({ sql }) => void sql.run("DELETE FROM driver WHERE run_id = ? AND pid = ?", runId, pid),
      ),
    driverOf: find,
    close: () => store.close(),
  };
}
