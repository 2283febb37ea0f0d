import { resolve } from "node:path";
import { DomainError } from "../../kernel/errors.ts";
import { parseFlags } from "../../kernel/flags.ts";
import { EXIT, type Command } from "../../kernel/io.ts";
import { readPlanFile } from "../plan/plan-file.ts";

/** `slipway plan validate FILE`: schema, references and circles of a plan. */
export const planValidateCommand: Command = async (argv, io) => {
  // A plan needs no state folder, but --home is taken by every command.
  const flags = parseFlags(argv, { home: { type: "string" }, help: { type: "boolean", short: "h" } }, 1);
  if (flags.has("help")) {
    io.out(
      "slipway plan validate FILE\n\nChecks a plan: its keys, its references, and that no task waits for itself.",
    );
    return EXIT.done;
  }
  const file = flags.words[0];
  if (file === undefined)
    throw new DomainError("invalid", "which plan?", { hint: "slipway plan validate FILE" });
  const plan = readPlanFile(resolve(io.cwd, file));
  io.out(`${file}: ${plan.tasks.length} tasks, no circle`);
  return EXIT.done;
};
