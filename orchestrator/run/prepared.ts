import { z } from "zod";

/** What a setup made, as the sandbox server keeps it. */
export const Prepared = z.object({
  snapshot: z.string(),
  /** Where it was made, and where alone it is sure to work. */
  backend: z.string(),
  /** When it was made, in ms since the epoch. */
  made_at: z.number(),
});

export type Prepared = z.output<typeof Prepared>;
