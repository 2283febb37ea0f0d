import { z } from "zod";
import { DomainError } from "../../../kernel/errors.ts";
import { orElse } from "../../../kernel/mcp/input.ts";
import { defineTool, WRITES } from "../../../kernel/mcp/tool.ts";
import { normalName } from "../domain/graph.ts";
import { atMost, byteLength, LIMITS, refuseBroken } from "../domain/limits.ts";
import type { MemoryDeps } from "../deps.ts";
import type { Related } from "../store/port.ts";
import { idempotencyKey, jsonObject } from "./memory-schema.ts";

const input = z.strictObject({
  entities: orElse(
    z.array(
      z.strictObject({ name: z.string(), type: z.string(), observations: z.array(z.string()).optional() }),
    ),
    () => [],
  ),
  relations: orElse(
    z.array(
      z.strictObject({
        from: z.string(),
        type: z.string(),
        to: z.string(),
        properties: jsonObject.optional(),
      }),
    ),
    () => [],
  ).describe("`from` depends on, calls, tests … `to`; ends are entity names or ids"),
  idempotency_key: idempotencyKey,
});

const counts = z.looseObject({ ids: z.array(z.string()) });

interface Counts {
  readonly created: number;
  readonly updated: number;
  readonly ids: string[];
}

export const relateEntities = defineTool({
  name: "relate_entities",
  title: "Relate entities",
  description:
    "Records things (files, functions, people …) and how they relate. An end nobody declared becomes an entity of type unknown (`added`). Returns created, updated and ids, in order.",
  input,
  output: z.looseObject({ entities: counts, relations: counts }),
  annotations: { ...WRITES, idempotentHint: true },
  async run(given, { store, clock }: MemoryDeps, call) {
    check(given);
    const now = clock();
    return store.answer(call, async (tx) => {
      const entities: Related[] = [];
      for (const draft of given.entities)
        entities.push(await tx.relateEntity({ ...draft, name: normalName(draft.name) }, now));
      const relations: Related[] = [];
      const added: string[] = [];
      for (const draft of given.relations) {
        const related = await tx.relate(
          { ...draft, from: normalName(draft.from), to: normalName(draft.to) },
          now,
        );
        relations.push(related);
        added.push(...related.added.map(({ id }) => id));
      }
      const [ofEntities, ofRelations] = [countsOf(entities), countsOf(relations)];
      const changes = {
        entities: ofEntities.created + ofEntities.updated + added.length,
        relations: ofRelations.created + ofRelations.updated,
      };
      if (changes.entities + changes.relations > 0)
        tx.emit({ type: "memory.updated", subject: "graph", data: changes });
      return { entities: { ...ofEntities }, relations: { ...ofRelations }, added };
    });
  },
});

function check({ entities, relations }: z.output<typeof input>): void {
  const split = "send the rest in another call";
  atMost(entities.length, LIMITS.relatedEntities, "entities", "entries", split);
  atMost(relations.length, LIMITS.relations, "relations", "entries", split);
  if (entities.length + relations.length === 0)
    throw new DomainError("invalid", "there is nothing to relate", {
      hint: "give entities, relations or both",
    });
  const names = [
    ...entities.flatMap(({ name, type }) => [name, type]),
    ...relations.flatMap(({ from, type, to }) => [from, type, to]),
  ];
  for (const name of names) {
    if (normalName(name).trim() === "")
      throw new DomainError("invalid", "a name or type is empty", {
        hint: "name every entity, end and type",
      });
    atMost(name.length, LIMITS.nameChars, "a name", "characters", "shorten it");
  }
  for (const { observations = [] } of entities) {
    atMost(observations.length, LIMITS.observations, "observations", "entries", split);
    for (const text of observations)
      atMost(
        byteLength(text),
        LIMITS.observationBytes,
        "an observation",
        "bytes",
        "remember it as a memory that names the entity",
      );
  }
  for (const { properties } of relations)
    atMost(
      byteLength(JSON.stringify(properties ?? {})),
      LIMITS.metadataBytes,
      "properties",
      "bytes",
      "keep bulk in a memory",
    );
  refuseBroken(entities, "entities");
  refuseBroken(relations, "relations");
}

function countsOf(related: readonly Related[]): Counts {
  const count = (status: Related["status"]): number => related.filter((one) => one.status === status).length;
  return { created: count("created"), updated: count("updated"), ids: related.map(({ id }) => id) };
}
