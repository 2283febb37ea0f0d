import { DomainError } from "../kernel/errors.ts";
import { parseFlags } from "../kernel/flags.ts";
import { EXIT, type Command } from "../kernel/io.ts";
import { COMMANDS } from "./commands.ts";

const HELP = `slipway completion bash|zsh|fish

Prints completions of slipway's commands: eval "$(slipway completion bash)", or
slipway completion fish > ~/.config/fish/completions/slipway.fish`;

/** `slipway completion`: static words, so that completing starts no process. */
export const completionCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, { home: { type: "string" }, help: { type: "boolean", short: "h" } }, 1);
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const shell = flags.words[0] ?? "";
  const script = SCRIPTS.get(shell);
  if (script === undefined)
    throw new DomainError(
      "invalid",
      shell === "" ? "which shell?" : `there are no completions for "${shell}"`,
      {
        hint: "bash, zsh or fish",
      },
    );
  io.out(script());
  return EXIT.done;
};

const SCRIPTS: ReadonlyMap<string, () => string> = new Map([
  ["bash", bash],
  ["zsh", zsh],
  ["fish", fish],
]);

/** What may follow each beginning of a command: "" has the first words, "tasks" what its verbs are. */
function nextWords(): ReadonlyMap<string, readonly string[]> {
  const next = new Map<string, string[]>();
  for (const words of [...COMMANDS.keys()].map((name) => name.split(" "))) {
    for (const [at, word] of words.entries()) {
      const before = words.slice(0, at).join(" ");
      const known = next.get(before) ?? [];
      if (!known.includes(word)) next.set(before, [...known, word]);
    }
  }
  return next;
}

function bash(): string {
  const cases = [...nextWords()].map(([before, words]) => `    "${before}") words="${words.join(" ")}" ;;`);
  return [
    "_slipway() {",
    '  local words="" before="${COMP_WORDS[*]:1:COMP_CWORD-1}"',
    '  case "$before" in',
    ...cases,
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    "}",
    "complete -o default -F _slipway slipway",
  ].join("\n");
}

function zsh(): string {
  return ["autoload -U +X bashcompinit && bashcompinit", bash()].join("\n");
}

function fish(): string {
  const lines = [...nextWords()].flatMap(([before, words]) => {
    const condition =
      before === ""
        ? "__fish_use_subcommand"
        : `__fish_seen_subcommand_from ${before.split(" ").at(-1) ?? ""}`;
    return words.map((word) => {
      const summary = COMMANDS.get(`${before} ${word}`.trim())?.summary ?? "";
      return `complete -c slipway -n '${condition}' -f -a '${word}' -d '${summary.replaceAll("'", "\\'")}'`;
    });
  });
  return lines.join("\n");
}
