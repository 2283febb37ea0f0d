import { basename, dirname } from "node:path";
import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { Embedder } from "../domain/embedder.ts";
import { MODEL_VARIANTS, modelIn } from "./local-model.ts";

/** More texts at once take more memory and no less time. */
const BATCH = 16;

const Vectors = z.object({
  dims: z.tuple([z.int(), z.int()]),
  data: z.instanceof(Float32Array),
});

type Extract = (
  texts: readonly string[],
  options: { readonly pooling: "mean"; readonly normalize: true },
) => Promise<unknown>;

const isFunction = (value: unknown): boolean => typeof value === "function";
const Extractor = z.custom<Extract>(isFunction);
type Pipeline = (task: "feature-extraction", model: string, options: object) => Promise<unknown>;
const Transformers = z.object({
  pipeline: z.custom<Pipeline>(isFunction),
  // Itself and not a copy: it is written to.
  env: z.custom<object>((value) => typeof value === "object" && value !== null),
});

/**
 * A sentence model on this machine, through transformers.js. Nothing is fetched: the folder holds the model, or every
 * call is refused with what is missing. It loads on the first use.
 *
 * @param folder Holds config.json, tokenizer.json and onnx/model.onnx, or one of its smaller variants.
 */
export function localEmbedder(folder: string, load: () => Promise<unknown> = loadTransformers): Embedder {
  const found = modelIn(folder);
  let extractor: Promise<Extract> | undefined;
  const open = async (): Promise<Extract> => {
    if (found === undefined)
      throw new DomainError("unavailable", `there is no model in ${folder}`, {
        hint: "run slipway memory model pull, then start the server again",
        retryable: false,
      });
    const { pipeline, env } = Transformers.parse(await load());
    Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: dirname(folder) });
    const options = { dtype: MODEL_VARIANTS[found.variant].dtype, device: "cpu" };
    return Extractor.parse(
      await pipeline("feature-extraction", basename(folder), options).catch((cause: unknown) => {
        throw new DomainError("unavailable", `the model in ${folder} cannot be loaded`, {
          hint: "run slipway memory model pull again",
          retryable: false,
          cause,
        });
      }),
    );
  };
  return {
    model: found?.name ?? `local:${basename(folder)}`,
    async embed(texts) {
      extractor ??= open();
      const extract = await extractor.catch((error: unknown) => {
        // The next call looks again: meanwhile it may have been installed.
        extractor = undefined;
        throw error;
      });
      const vectors: Float32Array[] = [];
      for (let from = 0; from < texts.length; from += BATCH)
        vectors.push(...rowsOf(await extract(texts.slice(from, from + BATCH), MEAN)));
      return vectors;
    },
  };
}

/** Source: the model card of sentence-transformers/all-MiniLM-L6-v2: the mean over the tokens, then length 1. */
const MEAN = { pooling: "mean", normalize: true } as const;

function rowsOf(answer: unknown): readonly Float32Array[] {
  const {
    dims: [rows, dimension],
    data,
  } = Vectors.parse(answer);
  return Array.from({ length: rows }, (_, row) => data.slice(row * dimension, (row + 1) * dimension));
}

function loadTransformers(): Promise<unknown> {
  return import("@huggingface/transformers").catch((cause: unknown) => {
    throw new DomainError("unavailable", "the package @huggingface/transformers is not installed", {
      hint: "run npm install @huggingface/transformers@4.3.2 where slipway is installed",
      retryable: false,
      cause,
    });
  });
}
