import { createServer, type IncomingMessage } from "node:http";
import { z } from "zod";

/** An endpoint on this machine that embeds as OpenAI's does, by counting words. */
export interface EmbeddingEndpoint {
  readonly baseUrl: string;
  /** Texts of each request that was answered. */
  readonly batches: readonly (readonly string[])[];
  /** Answers the next requests with these statuses before it works again. */
  fail(...statuses: readonly number[]): void;
  close(): Promise<void>;
}

const Request = z.object({ model: z.string(), input: z.array(z.string()) });

/** Words that mean the same count as one, so that there is something for vectors to find that words do not. */
const SAME: Readonly<Record<string, string>> = {
  automobile: "car",
  vehicle: "car",
  crashed: "broke",
  failed: "broke",
};

/** Vectors have as many numbers as the model's name says, such as `words-64`. */
export async function embeddingEndpoint(): Promise<EmbeddingEndpoint> {
  const batches: (readonly string[])[] = [];
  const failures: number[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const failure = failures.shift();
      if (failure !== undefined) {
        response.writeHead(failure).end("{}");
        return;
      }
      const { model, input } = Request.parse(JSON.parse(body));
      batches.push(input);
      const dimension = Number(/\d+$/.exec(model)?.[0]);
      // In another order than asked: the index tells.
      const data = input
        .map((text, index) => ({ index, embedding: wordVector(text, dimension) }))
        .toReversed();
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ data }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    batches,
    fail: (...statuses) => void failures.push(...statuses),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function wordVector(text: string, dimension: number): readonly number[] {
  const vector = Array.from({ length: dimension }, () => 0);
  for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) {
    let hash = 7;
    for (const letter of SAME[word] ?? word) hash = (hash * 31 + letter.charCodeAt(0)) % 1_000_003;
    vector[hash % dimension] = (vector[hash % dimension] ?? 0) + 1;
  }
  return vector;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}
