import type { z } from "zod";
import type { Writer } from "../store.ts";

/** Who calls. Over stdio a local user's process, over HTTP the owner of a token. Names inside arguments are claims only. */
export interface Principal {
  readonly id: string;
  readonly channel: "stdio" | "http" | "in_process";
}

export interface Progress {
  /** Grows with every report. */
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** The answer of whoever sits at the host. It proves no human: a hook may have answered. */
export type Reply<T> =
  | { readonly action: "accept"; readonly content: T }
  | { readonly action: "decline" | "cancel" };

/** Everything a tool may know about the call it serves. */
export interface Call extends Writer {
  readonly principal: Principal;
  /** The host program as it names itself. */
  readonly client: { readonly name: string; readonly version: string } | undefined;
  /** Aborts when the host cancels the call or the connection ends. */
  readonly signal: AbortSignal;
  /** Sent only to hosts that ask for it. */
  progress(update: Progress): Promise<void>;
  /**
   * Asks the person at the host; undefined where the host cannot. The tool is entered again from the top with the
   * answer, so it must ask before it changes anything.
   */
  readonly ask:
    | (<S extends z.ZodObject>(key: string, message: string, schema: S) => Reply<z.output<S>>)
    | undefined;
  readonly trace: { readonly id: string; readonly traceparent: string | undefined };
}
