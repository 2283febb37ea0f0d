/** Whether a test that needs something of the machine may run, and the words to put in its name. */
export interface Requirement {
  /** Goes to `test.skipIf` or `describe.skipIf`. */
  readonly skip: boolean;
  /** Ends the test's name: empty where the test runs, ` [skipped: …]` with the reason where it does not. */
  readonly label: string;
}

/**
 * Says out loud what a skipped test lacks.
 *
 *     const docker = requirement("Docker", await dockerAnswers(), "no daemon answers on DOCKER_HOST");
 *     test.skipIf(docker.skip)(`runs a command${docker.label}`, …);
 *
 * @param name What is needed, for a person: "Docker", "bubblewrap".
 * @param reason What was looked for and not found.
 * @throws Error where it is missing and `SLIPWAY_FORBID_SKIP=1`, so that CI can't pass by skipping.
 */
export function requirement(
  name: string,
  available: boolean,
  reason: string,
  forbidden: boolean = process.env["SLIPWAY_FORBID_SKIP"] === "1",
): Requirement {
  if (available) return { skip: false, label: "" };
  if (forbidden) throw new Error(`${name} is missing and SLIPWAY_FORBID_SKIP=1 forbids skipping: ${reason}`);
  return { skip: true, label: ` [skipped: ${name} is missing, ${reason}]` };
}
