/** Full-count fault tests: `npm run soak -- <room>`. Prints markdown for docs/measurements. */
import { machineLine } from "../machine.ts";
import { ROOMS } from "./rooms.ts";

const name = process.argv[2] ?? "";
const soak = Object.hasOwn(ROOMS, name) ? ROOMS[name] : undefined;
if (soak === undefined) {
  process.stderr.write(`soak: which room? One of ${Object.keys(ROOMS).join(", ")}\n`);
  process.exitCode = 2;
} else {
  process.stdout.write(`${machineLine(new Date())}\n\n`);
  process.stdout.write(`${await soak(process.argv.slice(3))}\n\n${machineLine(new Date())}\n`);
}
