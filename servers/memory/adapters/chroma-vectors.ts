import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { refuseLength, type Near, type VectorIndex } from "../domain/vector-index.ts";

/** Where Chroma answers. */
export interface ChromaServer {
  /** http(s)://host:port. Starts it where it is ours and does not run. @throws {DomainError} */
  address(): Promise<string>;
}

export interface ChromaSettings {
  readonly server: ChromaServer;
  /** 3 to 512 of a-z, 0-9 and -: one for each store and model. */
  readonly collection: string;
  readonly dimension: number;
}

/** More than Chroma takes at once, and more than is put inside one call. */
const BATCH = 500;

const TIMEOUT_MS = 20_000;

const COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections";

const Collection = z.object({ id: z.string(), metadata: z.looseObject({ mark: z.number() }) });
const Found = z.object({
  ids: z.tuple([z.array(z.string())]),
  distances: z.tuple([z.array(z.number())]),
});

/**
 * Vectors in a collection of Chroma's, by its HTTP interface, version 2. They outlive this process, and others may
 * read them. What is found is approximate.
 */
export function chromaVectors({ server, collection, dimension }: ChromaSettings): VectorIndex {
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const address = (await server.address()).replace(/\/+$/, "");
    let response: Response;
    let answer: unknown;
    try {
      response = await fetch(`${address}${COLLECTIONS}${path}`, {
        method,
        headers: { "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
        redirect: "error",
      });
      answer = await response.json();
    } catch (cause) {
      throw unavailable("Chroma did not answer", cause);
    }
    if (!response.ok) throw unavailable(`Chroma answered ${response.status}`);
    return answer;
  };
  /** Asked for only once, and after it was cleared here: an id that somebody else's clearing ended is told as 404. */
  let id: string | undefined;
  const known = async (): Promise<string> => {
    id ??= parsed(
      Collection,
      await ask("POST", "", {
        name: collection,
        get_or_create: true,
        metadata: { mark: 0 },
        configuration: { hnsw: { space: "cosine" } },
      }),
    ).id;
    return id;
  };
  const count = async (): Promise<number> => parsed(z.int(), await ask("GET", `/${await known()}/count`));
  return {
    putsAtOnce: 2 * BATCH,
    async mark() {
      // By its name: another process may have cleared it since, and then its id is another one.
      id = undefined;
      await known();
      const { metadata } = parsed(Collection, await ask("GET", `/${collection}`));
      return metadata.mark;
    },
    async put(vectors, mark) {
      for (const { values } of vectors) refuseLength(values, dimension);
      const at = await known();
      for (let from = 0; from < vectors.length; from += BATCH) {
        const page = vectors.slice(from, from + BATCH);
        await ask("POST", `/${at}/upsert`, {
          ids: page.map(({ n }) => `${n}`),
          embeddings: page.map(({ values }) => [...values]),
        });
      }
      // Last: whoever is killed before that puts the same ones again.
      if (mark !== undefined) await ask("PUT", `/${at}`, { new_metadata: { mark } });
    },
    async drop(numbers) {
      const at = await known();
      for (let from = 0; from < numbers.length; from += BATCH)
        await ask("POST", `/${at}/delete`, { ids: numbers.slice(from, from + BATCH).map(String) });
    },
    async nearest(query, most, accepts) {
      refuseLength(query, dimension);
      const all = await count();
      // What is accepted is known here alone, so it is asked for more until there is enough.
      for (let wanted = Math.min(all, most); wanted > 0; wanted = Math.min(all, 4 * wanted)) {
        const answer = parsed(
          Found,
          await ask("POST", `/${await known()}/query`, {
            query_embeddings: [[...query]],
            n_results: wanted,
            include: ["distances"],
          }),
        );
        const found = nearOf(answer).filter(({ n }) => accepts(n));
        if (found.length >= most || wanted === all) return found.slice(0, most);
      }
      return [];
    },
    size: count,
    async clear() {
      await ask("DELETE", `/${collection}`).catch((error: unknown) => {
        if (!(error instanceof DomainError) || !error.message.endsWith("404")) throw error;
      });
      id = undefined;
    },
  };
}

function nearOf({ ids: [ids], distances: [distances] }: z.output<typeof Found>): readonly Near[] {
  return ids
    .map((id, at) => ({ n: Number(id), cosine: 1 - (distances[at] ?? 2) }))
    .sort((a, b) => b.cosine - a.cosine || a.n - b.n);
}

function parsed<S extends z.ZodType>(schema: S, answer: unknown): z.output<S> {
  const { data, success } = schema.safeParse(answer);
  if (success) return data;
  throw unavailable("what answers as Chroma is something else");
}

function unavailable(message: string, cause?: unknown): DomainError {
  return new DomainError("unavailable", message, {
    hint: "check CHROMA_URL, or leave it out: vectors are then searched in the process",
    cause,
  });
}
