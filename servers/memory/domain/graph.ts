/** A thing that memories and relations speak of. Name and type together make it one. */
export interface Entity {
  readonly id: string;
  readonly name: string;
  readonly type: string;
}

/** The type of an entity that so far is known only as the end of a relation. */
export const UNKNOWN_TYPE = "unknown";

export interface EntityDraft {
  readonly name: string;
  readonly type: string;
  readonly observations?: readonly string[] | undefined;
}

/** `from` depends on, calls, tests … `to`: an edge points to what is needed. */
export interface RelationDraft {
  readonly from: string;
  readonly type: string;
  readonly to: string;
  readonly properties?: object | undefined;
}

/** Relations that say nothing of a dependency: a change at one end does not reach the other. */
export const NO_DEPENDENCY = ["CHANGED_WITH", "SIMILAR_TO", "REVIEWED_BY", "NEXT", "ABOUT"] as const;

/** The one way a name is kept: paths lose a leading "./". */
export function normalName(name: string): string {
  return name.replace(/^(?:\.\/)+/, "");
}

/** The names under which a changed thing may be known, the likeliest first: as given, else as a path with slashes. */
export function namesFor(changed: string): readonly string[] {
  return [...new Set([normalName(changed), normalName(changed.replaceAll("\\", "/"))])];
}

/** What to do with a declared entity, given the ones of that name. An untyped one takes the first type it is given. */
export function placeEntity(
  draft: EntityDraft,
  ofThatName: readonly Entity[],
): { readonly place: "known" | "typed"; readonly entity: Entity } | { readonly place: "new" } {
  const same = ofThatName.find((entity) => entity.type === draft.type);
  if (same !== undefined) return { place: "known", entity: same };
  const untyped = ofThatName.find((entity) => entity.type === UNKNOWN_TYPE);
  return untyped === undefined ? { place: "new" } : { place: "typed", entity: untyped };
}
