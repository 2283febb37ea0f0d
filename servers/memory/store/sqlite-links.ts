import type { SQLInputValue } from "node:sqlite";
import { z } from "zod";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import type { Link } from "../domain/walk.ts";
import type { LinkFilter, MemoryGraph } from "./port.ts";

const LinkRow = z.object({ n: z.int(), from_n: z.int(), type: z.string(), to_n: z.int() });

const LINK = "SELECT n, from_n, type, to_n FROM relation";
const LISTED = "IN (SELECT value FROM json_each(?))";
/** The type is not one of those left out; null is no filter. */
const OF_TYPE = "(? IS NULL OR type IN (SELECT value FROM json_each(?)))";

const typesOf = ({ types }: Pick<LinkFilter, "types">): readonly (string | null)[] => {
  const listed = types === undefined ? null : JSON.stringify(types);
  return [listed, listed];
};

/** What explores the relations in the store itself, without a copy of the graph. */
export function sqliteLinks(sql: Sql): Pick<MemoryGraph, "linksOf" | "linksAmong" | "degrees"> {
  const toLink = (row: Row): Link => {
    const { from_n: from, type, to_n: to } = parseRow(LinkRow, row);
    return { from, type, to };
  };
  /** One SELECT per side, so that each uses its own index. */
  const onSides = (
    numbers: readonly number[] | undefined,
    filter: LinkFilter,
    select: (end: "from_n" | "to_n") => string,
  ): { readonly selects: readonly string[]; readonly values: readonly SQLInputValue[] } => {
    const ends = (["from_n", "to_n"] as const).filter(
      (end) => filter.direction === "both" || (filter.direction === "out") === (end === "from_n"),
    );
    const among = numbers === undefined ? [] : [JSON.stringify(numbers)];
    return {
      selects: ends.map(
        (end) => `${select(end)} WHERE ${numbers === undefined ? "" : `${end} ${LISTED} AND `}${OF_TYPE}`,
      ),
      values: ends.flatMap(() => [...among, ...typesOf(filter)]),
    };
  };
  return {
    async linksOf(numbers, filter) {
      const { selects, values } = onSides(numbers, filter, () => LINK);
      return sql.all(`${selects.join(" UNION ")} ORDER BY n LIMIT ?`, ...values, filter.limit).map(toLink);
    },
    async linksAmong(numbers, filter) {
      const listed = JSON.stringify(numbers);
      return sql
        .all(
          `${LINK} WHERE from_n ${LISTED} AND to_n ${LISTED} AND ${OF_TYPE} ORDER BY n LIMIT ?`,
          listed,
          listed,
          ...typesOf(filter),
          filter.limit,
        )
        .map(toLink);
    },
    async degrees(numbers, filter) {
      const { selects, values } = onSides(numbers, filter, (end) => `SELECT ${end} AS n FROM relation`);
      return sql
        .all(
          `SELECT n, count(*) AS degree FROM (${selects.join(" UNION ALL ")}) GROUP BY n ORDER BY degree DESC, n LIMIT ?`,
          ...values,
          filter.limit,
        )
        .map((row) => ({ n: Number(row["n"]), degree: Number(row["degree"]) }));
    },
  };
}
