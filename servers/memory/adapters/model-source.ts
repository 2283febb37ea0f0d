import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DomainError } from "../../../kernel/errors.ts";
import { MODEL_FILES, MODEL_VARIANTS, type ModelVariant } from "./local-model.ts";

/** Where the model's files are published: an address, or a folder on this machine. */
export const MODEL_SOURCE = "https://huggingface.co/Xenova/all-MiniLM-L6-v2/resolve/main";

export interface Pulled {
  readonly files: number;
  readonly bytes: number;
}

/** Larger than any sentence model that would be of use here. */
const MAX_BYTES = 2_000_000_000;

export interface PullOptions {
  /** http(s), or a folder. */
  readonly source: string;
  readonly variant: ModelVariant;
  /** Is made whole or not at all; one that is there is replaced. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Bytes of a file so far, and of the whole of it where that is known. */
  readonly progress: (file: string, bytes: number, total: number | undefined) => void;
}

/**
 * Brings a model's files into a folder.
 *
 * @throws {DomainError} not_found where the source lacks a file; unavailable where it cannot be reached or a file came
 * damaged; limit for one of more than 2 GB.
 */
export async function pullModel({ source, variant, folder, signal, progress }: PullOptions): Promise<Pulled> {
  const files = [...MODEL_FILES, MODEL_VARIANTS[variant].file];
  const partial = `${folder}.${randomUUID()}.partial`;
  let bytes = 0;
  try {
    for (const file of files) {
      const target = join(partial, file);
      await mkdir(dirname(target), { recursive: true });
      const opened = await open(source, file, signal);
      bytes += await write(opened, target, signal, (so) => progress(file, so, opened.size));
      if (file.endsWith(".json")) await checkJson(target, file);
    }
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder);
    return { files: files.length, bytes };
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

interface Opened {
  readonly body: Readable;
  readonly size: number | undefined;
  /** SHA-256 in hex, where the source tells it. */
  readonly digest: string | undefined;
}

async function open(source: string, file: string, signal: AbortSignal): Promise<Opened> {
  if (!/^https?:/i.test(source)) {
    const path = join(source, file);
    if (!existsSync(path)) throw missing(source, file);
    return { body: createReadStream(path), size: (await stat(path)).size, digest: undefined };
  }
  const address = `${source.replace(/\/+$/, "")}/${file}`;
  const ask = async (redirect: "manual" | "follow"): Promise<Response> => {
    try {
      return await fetch(address, { redirect, signal });
    } catch (cause) {
      if (signal.aborted) throw cause;
      throw new DomainError("unavailable", `${new URL(address).host} cannot be reached`, {
        hint: "connect to the network, or bring a copy: --from takes a folder or the address of a mirror",
        cause,
      });
    }
  };
  // Before it sends to where the bytes are, the hub tells their digest.
  const first = await ask("manual");
  const digest = /^"?([0-9a-f]{64})"?$/.exec(first.headers.get("x-linked-etag") ?? "")?.[1];
  const isMoved = first.status >= 300 && first.status < 400;
  if (isMoved) await first.body?.cancel();
  const response = isMoved ? await ask("follow") : first;
  if (response.status === 404) throw missing(source, file);
  if (!response.ok || response.body === null)
    throw new DomainError("unavailable", `${new URL(address).host} answered ${response.status} for ${file}`, {
      hint: "try again later, or name another source with --from",
    });
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  const isWhole = response.headers.get("content-encoding") === null && Number.isFinite(length);
  return { body: Readable.fromWeb(response.body), size: isWhole ? length : undefined, digest };
}

async function write(
  { body, size, digest }: Opened,
  target: string,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): Promise<number> {
  const hash = createHash("sha256");
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      hash.update(chunk);
      progress(bytes);
      done(
        bytes > MAX_BYTES
          ? new DomainError("limit", "a file of the model has more than 2 GB", { hint: "check --from" })
          : null,
        chunk,
      );
    },
  });
  try {
    await pipeline(body, counted, createWriteStream(target), { signal });
  } catch (cause) {
    if (cause instanceof DomainError || signal.aborted) throw cause;
    throw cut(cause);
  }
  if (size !== undefined && bytes !== size) throw cut(undefined);
  if (digest !== undefined && hash.digest("hex") !== digest) throw cut(undefined);
  return bytes;
}

function cut(cause: unknown): DomainError {
  return new DomainError("unavailable", "a file of the model did not arrive whole", {
    hint: "run slipway memory model pull again",
    cause,
  });
}

/** A page that asks to log in is no model. */
async function checkJson(path: string, file: string): Promise<void> {
  try {
    JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new DomainError("unavailable", `what came for ${file} is not JSON`, {
      hint: "check --from",
      cause,
    });
  }
}

function missing(source: string, file: string): DomainError {
  return new DomainError("not_found", `${source} has no ${file}`, {
    hint: "check --from and --variant: not every source has every variant",
  });
}
