/** What `slipway init` writes as `slipway.yaml`: the defaults, spelled out, so that there is something to change. */
export const SETTINGS_TEXT = `# Slipway's settings for this repository. Every key may be left out; a key that is not known is an error.

# How much goes on without a person: 1 asks before every merge, 5 before none.
autonomy: 3

# The rules of the verdicts: balanced, no_compromise, fast_iteration, or a file.
policy: balanced

# Who does the work of \`slipway run\`: api (a Claude model, needs ANTHROPIC_API_KEY) or command:<program>.
# runner: api
# roles:
#   planner: { models: [{ provider: anthropic, model: your-model-id }] }
#   implementer: { models: [{ provider: anthropic, model: your-model-id }] }
#   reviewer: { models: [{ provider: anthropic, model: your-model-id }] }

# What a run may use.
# budget: { tokens: 500000 }

# A command to run once before any work.
# setup: npm ci
`;
