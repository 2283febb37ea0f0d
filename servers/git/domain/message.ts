/** Why a commit message or a trailer is refused, or undefined when it is fine. */
export function refuseMessage(
  message: string,
  trailers: Readonly<Record<string, string>>,
): string | undefined {
  if (message.trim() === "") return "the message is empty";
  if (message.length > 65_536) return "the message has more than 65,536 characters";
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(message) || !message.isWellFormed())
    return "the message holds control characters";
  for (const [name, value] of Object.entries(trailers)) {
    if (!/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(name))
      return `the trailer name ${JSON.stringify(name.slice(0, 64))} is not a word like Task-Id`;
    if (value.trim() === "" || value.length > 1_000)
      return `the trailer ${name} is empty or longer than 1,000 characters`;
    if (/[\u0000-\u001f\u007f\u2028\u2029]/.test(value) || !value.isWellFormed())
      return `the trailer ${name} holds a line break or control character`;
  }
  return undefined;
}

/**
 * The message with its trailers as the last paragraph, ending in one newline. A message that already ends in trailers
 * is continued. Source: git-interpret-trailers(1).
 */
export function composeMessage(message: string, trailers: Readonly<Record<string, string>>): string {
  const body = message.replaceAll("\r\n", "\n").trim();
  const lines = Object.entries(trailers).map(([name, value]) => `${name}: ${value.trim()}`);
  if (lines.length === 0) return `${body}\n`;
  const last = body.split("\n\n").at(-1) ?? "";
  const continues =
    body.includes("\n\n") && last.split("\n").every((line) => /^[A-Za-z][A-Za-z0-9-]*: ./.test(line));
  return `${body}${continues ? "\n" : "\n\n"}${lines.join("\n")}\n`;
}
