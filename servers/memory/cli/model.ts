import { resolve } from "node:path";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import { VARIANTS } from "../adapters/local-model.ts";
import { MODEL_SOURCE, pullModel } from "../adapters/model-source.ts";
import { localModelFolder } from "../config.ts";

const HELP = `slipway memory model pull [--variant fp32|fp16|q8] [--from URL|DIR]

Brings all-MiniLM-L6-v2 onto this machine, for every project of this user: 90 MB, 45 MB as fp16, 23 MB as q8. Then
SLIPWAY_EMBEDDER=local makes recall find what shares no word with the question. The model runs in the package
@huggingface/transformers, which is installed apart. --from names a mirror or a folder with the model's files.
No server ever fetches it by itself.`;

const MB = 1_000_000;

/** `slipway memory model pull`: progress on stderr, the model's folder on stdout. */
export const memoryModelPullCommand: Command = async (argv, io) => {
  const flags = parseFlags(
    argv,
    { variant: { type: "string" }, from: { type: "string" }, help: { type: "boolean", short: "h" } },
    0,
  );
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const named = flags.text("variant") ?? "fp32";
  const variant = VARIANTS.find((one) => one === named);
  if (variant === undefined)
    throw new DomainError("invalid", "--variant names no variant of the model", {
      hint: `one of ${VARIANTS.join(", ")}`,
    });
  const from = flags.text("from") ?? MODEL_SOURCE;
  const source = /^https?:/i.test(from) ? from : resolve(io.cwd, from);
  const folder = localModelFolder(io.env);
  let told = 0;
  const { files, bytes } = await pullModel({
    source,
    variant,
    folder,
    signal: io.signal,
    progress(file, so, total) {
      const part = Math.floor(so / (10 * MB));
      if (part === told || so < 10 * MB) return;
      told = part;
      const of = total === undefined ? "" : ` of ${(total / MB).toFixed(0)}`;
      io.err(`${file}: ${(so / MB).toFixed(0)}${of} MB`);
    },
  });
  io.out(folder);
  io.err(`${files} files, ${(bytes / MB).toFixed(1)} MB; set SLIPWAY_EMBEDDER=local to use the model`);
  return EXIT.done;
};
