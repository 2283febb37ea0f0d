/**
 * What each part of a recall's score weighs. Words and the parts of the graph are first divided by their own best
 * value for the query, so that all lie between 0 and 1 and the weights mean the same in every store.
 */
export interface Weights {
  /** BM25 of the memory itself. */
  readonly lexical: number;
  /** Cosine to the query, for memories that have a vector. */
  readonly vector: number;
  /** BM25 of the better neighbour, the memory just before or after in the same session. */
  readonly neighbour: number;
  /** BM25 of the whole session that the memory is part of. */
  readonly session: number;
  /** The query names who said it. */
  readonly author: number;
  /** The query names an entity that the memory is about, or one that is related to such an entity. */
  readonly entity: number;
  /** The query names the file that the memory comes from. */
  readonly path: number;
  /** 1 when just written, half of it every 30 days. */
  readonly recency: number;
  /** -1 for what always failed, 0 for what nobody rated, 1 for what always worked. */
  readonly usage: number;
  /** Of a group: what its best member adds to the BM25 of the group as a whole. */
  readonly bestOfGroup: number;
}

/**
 * `neighbour`, `session` and `author` stand where leave-one-conversation-out on the public development part of LoCoMo
 * chose them (`npm run eval:memory`), and so does `vector`, with all-MiniLM-L6-v2; the rest was set by hand: `recency`
 * decides between near-equals only, `usage` and `entity` may move a hit but not carry one, `path` and `author` are
 * worth half a perfect match.
 */
export const WEIGHTS: Weights = {
  lexical: 1,
  vector: 0.4,
  neighbour: 0.5,
  session: 0.8,
  author: 0.4,
  entity: 0.3,
  path: 0.5,
  recency: 0.05,
  usage: 0.2,
  bestOfGroup: 1,
};
