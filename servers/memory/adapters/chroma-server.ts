import { DomainError } from "../../../kernel/errors.ts";
import { chromaProgram, runningChroma, startChroma, type ChromaChild } from "./chroma-child.ts";
import type { ChromaServer } from "./chroma-vectors.ts";

/** The Chroma of a state folder: started when it is first needed, or that which another process runs there. */
export interface OwnChroma extends ChromaServer {
  /** Ends it where this process started it. */
  close(): Promise<void>;
}

/** Of several processes on one folder one runs Chroma, the others use it; when that one ends, another takes over. */
export function chromaOf(folder: string, program: () => string = chromaProgram): OwnChroma {
  let child: ChromaChild | undefined;
  let starting: Promise<string> | undefined;
  const start = async (): Promise<string> => {
    try {
      child = await startChroma(program(), folder);
      return child.address;
    } catch (error) {
      const running = runningChroma(folder);
      if (error instanceof DomainError && error.code === "conflict" && running !== undefined) return running;
      throw error;
    }
  };
  return {
    async address() {
      if (child?.isAlive() === true) return child.address;
      await child?.close();
      child = undefined;
      starting ??= start().finally(() => {
        starting = undefined;
      });
      return starting;
    },
    async close() {
      await starting?.catch(() => undefined);
      await child?.close();
    },
  };
}
