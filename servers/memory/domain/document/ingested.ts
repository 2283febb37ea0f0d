/** What became of a document, or of the pages of a site. */
export interface Ingested {
  /** Of the first one. */
  readonly id: string;
  readonly chunks: number;
  readonly pages: number;
  readonly skipped: readonly { readonly uri: string; readonly reason: string }[];
}
