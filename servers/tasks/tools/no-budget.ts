import { clipText } from "../../../kernel/text.ts";

/** That these milestones give out no work, in one line. */
export function noBudget(milestones: readonly string[]): string {
  const names = milestones.slice(0, 3).map((name) => clipText(name, 60));
  return `the budget of ${names.join(", ")}${milestones.length > 3 ? " …" : ""} is spent or reserved`;
}
