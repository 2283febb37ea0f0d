/** What a case asks of a git server, whatever the server calls it. */
export type Act =
  | { readonly do: "status"; readonly repo: string }
  | { readonly do: "diff"; readonly repo: string; readonly from?: string; readonly paths?: readonly string[] }
  | { readonly do: "log"; readonly repo: string; readonly ref?: string; readonly paths?: readonly string[] }
  | { readonly do: "show"; readonly repo: string; readonly ref: string }
  | { readonly do: "blame"; readonly repo: string; readonly path: string }
  | {
      readonly do: "commit";
      readonly repo: string;
      readonly paths: readonly string[];
      readonly message?: string;
      readonly trailers?: Readonly<Record<string, string>>;
    }
  | {
      readonly do: "branch";
      readonly repo: string;
      readonly how: "create" | "delete" | "switch";
      readonly name: string;
    }
  /** `path` is for servers that let the caller choose it. */
  | { readonly do: "worktree"; readonly repo: string; readonly branch: string; readonly path: string }
  | {
      readonly do: "merge";
      readonly repo: string;
      readonly source: string;
      readonly how?: "merge" | "rebase";
    }
  | { readonly do: "init"; readonly path: string }
  | { readonly do: "clone"; readonly path: string; readonly url: string }
  | { readonly do: "fetch" | "push"; readonly repo: string; readonly remote?: string };

/** What came back. */
export interface Outcome {
  readonly refused: boolean;
  /** The whole answer as it went over the wire. */
  readonly text: string;
}

/** A git server under attack. */
export interface Subject {
  readonly name: string;
  perform(act: Act): Promise<Outcome>;
}
