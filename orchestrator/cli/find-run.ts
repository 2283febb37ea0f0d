import { DomainError } from "../../kernel/errors.ts";
import type { EventRecord } from "../../kernel/events.ts";
import type { RunStore } from "../run/run-store.ts";

const PAGE = 1_000;

/** Every run of a state folder by its first event, oldest first. */
export async function listRuns(store: RunStore): Promise<readonly EventRecord[]> {
  return readAll((after) => store.events({ after, limit: PAGE, types: ["run.started"] }));
}

/**
 * Finds a run by its id or an unambiguous beginning of it, or the latest one.
 *
 * @throws {DomainError} not_found; invalid for a beginning that several runs share.
 */
export async function mustFindRun(
  store: RunStore,
  name: string | undefined,
): Promise<{ readonly id: string; readonly events: readonly EventRecord[] }> {
  const runs = (await listRuns(store)).map((event) => event.subject);
  const matching =
    name === undefined ? runs.slice(-1) : runs.filter((id) => id === name || id.startsWith(name));
  const [id, ...more] = matching;
  if (id === undefined)
    throw new DomainError(
      "not_found",
      name === undefined ? "there is no run yet" : `there is no run ${name}`,
      { hint: "slipway status shows the runs" },
    );
  if (more.length > 0)
    throw new DomainError("invalid", `${name ?? ""} fits ${matching.length} runs`, {
      hint: "give more of its id",
    });
  return { id, events: await readAll((after) => store.events({ after, limit: PAGE, subject: id })) };
}

async function readAll(
  page: (after: number) => Promise<readonly EventRecord[]>,
): Promise<readonly EventRecord[]> {
  const found: EventRecord[] = [];
  for (;;) {
    const events = await page(found.at(-1)?.seq ?? 0);
    found.push(...events);
    if (events.length < PAGE) return found;
  }
}
