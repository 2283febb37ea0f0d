import { resolve } from "node:path";
import { DomainError } from "../../kernel/errors.ts";
import { parseFlags } from "../../kernel/flags.ts";
import { EXIT, type Command } from "../../kernel/io.ts";
import { readPlanFile } from "../plan/plan-file.ts";

/** `slipway plan validate FILE`: schema, references and circles of a plan. */
export const planValidateCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, { help: { type: "boolean", short: "h" } }, 1);
  const file = flags.words[0];
  if (file === undefined) throw new DomainError("invalid", "which plan?", { hint: "slipway plan validate FILE" });
  const plan = readPlanFile(resolve(io.cwd, file));
  io.out(`${file}: ${plan.tasks.length} tasks, no circle`);
  return EXIT.done;
};
