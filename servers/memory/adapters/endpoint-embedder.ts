import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import type { Embedder } from "../domain/embedder.ts";

export interface EndpointSettings {
  /** Up to and with the version, such as https://api.openai.com/v1. */
  readonly baseUrl: string;
  readonly model: string;
  readonly key: string | undefined;
  readonly fetch: typeof fetch;
  /** Milliseconds. */
  readonly pause: (ms: number) => Promise<unknown>;
}

const Answer = z.object({
  data: z.array(z.object({ index: z.int(), embedding: z.array(z.number()) })),
});

const BATCH = 64;
const TRIES = 4;
const FIRST_PAUSE_MS = 500;
const TIMEOUT_MS = 60_000;

/** Any endpoint that speaks `POST /embeddings` as OpenAI does: OpenAI, Voyage, Ollama, text-embeddings-inference. */
export function endpointEmbedder({ baseUrl, model, key, fetch: ask, pause }: EndpointSettings): Embedder {
  const url = `${baseUrl.replace(/\/+$/, "")}/embeddings`;
  const once = async (input: readonly string[]): Promise<Response | undefined> => {
    try {
      return await ask(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        body: JSON.stringify({ model, input, encoding_format: "float" }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
        redirect: "error",
      });
    } catch {
      return undefined;
    }
  };
  const batch = async (input: readonly string[]): Promise<readonly Float32Array[]> => {
    for (let turn = 1; ; turn += 1) {
      const response = await once(input);
      if (response?.ok === true) return vectorsIn(await response.json(), input.length);
      const isPassing = response === undefined || response.status === 429 || response.status >= 500;
      if (!isPassing || turn === TRIES) throw unreachable(response?.status);
      await pause(FIRST_PAUSE_MS * 2 ** (turn - 1));
    }
  };
  return {
    model: `openai:${model}`,
    async embed(texts) {
      const vectors: Float32Array[] = [];
      for (let from = 0; from < texts.length; from += BATCH)
        vectors.push(...(await batch(texts.slice(from, from + BATCH))));
      return vectors;
    },
  };
}

function vectorsIn(body: unknown, count: number): readonly Float32Array[] {
  const answer = Answer.safeParse(body);
  const vectors = new Map(answer.data?.data.map(({ index, embedding }) => [index, embedding]));
  return Array.from({ length: count }, (_, index) => {
    const embedding = vectors.get(index);
    if (embedding === undefined || embedding.length === 0)
      throw new DomainError("unavailable", "the embedding endpoint answered something else than embeddings", {
        hint: "check that OPENAI_BASE_URL ends with the version, such as /v1, and that the model embeds",
      });
    return Float32Array.from(embedding);
  });
}

function unreachable(status: number | undefined): DomainError {
  const said = status === undefined ? "did not answer" : `answered ${status}`;
  const isKey = status === 401 || status === 403;
  return new DomainError("unavailable", `the embedding endpoint ${said}`, {
    hint: isKey ? "check OPENAI_API_KEY" : "check OPENAI_BASE_URL and the model's name in SLIPWAY_EMBEDDER",
    retryable: !isKey,
  });
}
