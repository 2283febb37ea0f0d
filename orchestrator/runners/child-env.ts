const OURS =
  /^(ANTHROPIC_|OPENAI_|GEMINI_|LINEAR_)|^(GITHUB_TOKEN|SLIPWAY_TOKEN|SLIPWAY_DATABASE_URL|NODE_TEST_CONTEXT|NODE_COMPILE_CACHE)$/i;

/**
 * The environment of a program we start for somebody: without model keys, tracker tokens and our own secrets, and
 * without NODE_TEST_CONTEXT, which would turn a `node --test` of theirs into a silent child of ours, and our compile
 * cache, which blurs the coverage that their tests measure.
 */
export function childEnv(
  env: Readonly<Record<string, string | undefined>>,
  extra: Readonly<Record<string, string>>,
): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !OURS.test(name)) clean[name] = value;
  }
  return { ...clean, ...extra };
}
