/** Full-count fault tests: `npm run soak -- <room>`. Prints markdown for docs/measurements. */
import { DomainError } from "../../kernel/errors.ts";
import { machineLine } from "../machine.ts";
import { ROOMS } from "./rooms.ts";

const name = process.argv[2] ?? "";
const soak = Object.hasOwn(ROOMS, name) ? ROOMS[name] : undefined;
if (soak === undefined) {
  process.stderr.write(`soak: which room? One of ${Object.keys(ROOMS).join(", ")}\n`);
  process.exitCode = 2;
} else {
  process.stdout.write(`${machineLine(new Date())}\n\n`);
  try {
    process.stdout.write(`${await soak(process.argv.slice(3))}\n\n${machineLine(new Date())}\n`);
  } catch (error) {
    // What was asked for cannot be run; what a soak finds is thrown as it is, with its trace.
    if (!(error instanceof DomainError && error.code === "invalid")) throw error;
    process.stderr.write(`soak: ${error.message}\n`);
    process.exitCode = 2;
  }
}
