import { afterAll, beforeAll, expect, it } from "vitest";
import { serveGit, type ServedGit } from "../served-git.ts";
import type { Subject } from "./act.ts";
import { attack, HARMLESS } from "./attack.ts";
import { CASES } from "./cases.ts";
import { slipwaySubject } from "./slipway.ts";
import { hostileWorld, type HostileWorld } from "./world.ts";

let world: HostileWorld;
let served: ServedGit;
let subject: Subject;

beforeAll(async () => {
  world = hostileWorld();
  served = await serveGit(world.ground);
  subject = slipwaySubject(served.client);
});
afterAll(async () => {
  await served.close();
  world.dispose();
});

// One in five, spread over the list; `npm run soak -- git --only hostile` plays all of them, and springs their traps.
it.each(CASES.filter((_, at) => at % 5 === 0))("does no harm: $name", async (hostile) => {
  expect(await attack(subject, world, hostile)).toEqual(HARMLESS);
});
