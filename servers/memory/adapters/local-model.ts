import { createHash } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { basename, join } from "node:path";

/** Forms of the model's weights, the exact one first, with what transformers.js calls each. */
export const MODEL_VARIANTS = {
  fp32: { file: "onnx/model.onnx", dtype: "fp32" },
  fp16: { file: "onnx/model_fp16.onnx", dtype: "fp16" },
  q8: { file: "onnx/model_quantized.onnx", dtype: "q8" },
} as const;

export type ModelVariant = keyof typeof MODEL_VARIANTS;

export const VARIANTS = ["fp32", "fp16", "q8"] as const satisfies readonly ModelVariant[];

/** What is read beside the weights. */
export const MODEL_FILES = ["config.json", "tokenizer.json", "tokenizer_config.json"] as const;

/** Bytes read from each end of the weights. */
const SAMPLE = 65_536;

/**
 * The model in a folder, or undefined where a file is missing. Its name tells weights apart: it holds a digest of
 * their size and both ends, so that vectors of a model that was trained further are never taken for those of this one.
 */
export function modelIn(
  folder: string,
): { readonly name: string; readonly variant: ModelVariant } | undefined {
  if (!["config.json", "tokenizer.json"].every((file) => existsSync(join(folder, file)))) return undefined;
  const variant = VARIANTS.find((one) => existsSync(join(folder, MODEL_VARIANTS[one].file)));
  if (variant === undefined) return undefined;
  const digest = digestOf(join(folder, MODEL_VARIANTS[variant].file));
  return { name: `local:${basename(folder)}:${variant}:${digest}`, variant };
}

function digestOf(file: string): string {
  const open = openSync(file, "r");
  try {
    const { size } = fstatSync(open);
    const sample = new Uint8Array(2 * SAMPLE);
    readSync(open, sample, 0, SAMPLE, 0);
    readSync(open, sample, SAMPLE, SAMPLE, Math.max(0, size - SAMPLE));
    return createHash("sha256").update(`${size}`).update(sample).digest("hex").slice(0, 12);
  } finally {
    closeSync(open);
  }
}
