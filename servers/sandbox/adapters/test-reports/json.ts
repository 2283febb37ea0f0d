import type { z } from "zod";
import { DomainError } from "../../../../kernel/errors.ts";

/** @throws {DomainError} invalid where the text is not JSON of this shape. */
export function readJson<S extends z.ZodType>(text: string, schema: S): z.output<S> {
  const parsed = schema.safeParse(parse(text));
  if (!parsed.success) throw unsound();
  return parsed.data;
}

/** The same for one value a line. A last line that was cut off by the end of the run is left out. */
export function readLines<S extends z.ZodType>(text: string, schema: S): readonly z.output<S>[] {
  const lines = text.split("\n");
  const isWhole = lines.at(-1) === "";
  return (isWhole ? lines : lines.slice(0, -1))
    .filter((line) => line !== "")
    .map((line) => readJson(line, schema));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unsound();
  }
}

function unsound(): DomainError {
  return new DomainError("invalid", "the report is not what this tool writes", {
    hint: "set framework to the tool that runs the tests",
  });
}
