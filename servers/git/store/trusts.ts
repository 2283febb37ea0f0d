import { z } from "zod";
import { parseRow, type Sql } from "../../../kernel/sqlite/database.ts";
import type { Emit } from "../../../kernel/store.ts";
import type { GitTx } from "./store.ts";

const TrustRow = z.object({ repo: z.string(), digest: z.string(), by: z.string(), at: z.int() });

/** The trusts that persons gave to repositories. */
export function trustsIn(sql: Sql, emit: Emit): Pick<GitTx, "trustOf" | "trusted" | "trust" | "distrust"> {
  return {
    trustOf(repo) {
      const row = sql.get("SELECT * FROM trust WHERE repo = ?", repo);
      return row === undefined ? undefined : parseRow(TrustRow, row);
    },
    trusted: () => sql.all("SELECT * FROM trust ORDER BY repo").map((row) => parseRow(TrustRow, row)),
    trust({ repo, digest, by, at }) {
      sql.run(
        "INSERT OR REPLACE INTO trust (repo, digest, by, at) VALUES (?, ?, ?, ?)",
        repo,
        digest,
        by,
        at,
      );
      emit({ type: "repository.trusted", subject: repo, data: { digest, by } });
    },
    distrust(repo) {
      const isGone = sql.run("DELETE FROM trust WHERE repo = ?", repo) > 0;
      if (isGone) emit({ type: "repository.distrusted", subject: repo, data: {} });
      return isGone;
    },
  };
}
