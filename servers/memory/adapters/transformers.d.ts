// Not a dependency: with the runtimes below it, it is larger than all the rest. What comes from it is parsed.
declare module "@huggingface/transformers" {
  export const pipeline: unknown;
  export const env: unknown;
}
