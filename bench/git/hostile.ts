import { attack, HARMLESS, springs, type Damage } from "../../test/servers/git/hostile/attack.ts";
import { CASES } from "../../test/servers/git/hostile/cases.ts";
import { slipwaySubject } from "../../test/servers/git/hostile/slipway.ts";
import { hostileWorld } from "../../test/servers/git/hostile/world.ts";
import { serveGit } from "../../test/servers/git/served-git.ts";
import type { SoakPart } from "./soak-part.ts";

/** The whole hostile list against one server process over stdio, and every trap sprung by plain git. */
export const hostilePart: SoakPart = {
  count: CASES.length,
  async run({ from, count, reached }) {
    const world = hostileWorld();
    const served = await serveGit(world.ground);
    const subject = slipwaySubject(served.client);
    let sprung = 0;
    try {
      for (const [at, hostile] of CASES.slice(0, count).entries()) {
        if (at < from) continue;
        reached(at);
        const damage: Damage = await attack(subject, world, hostile);
        if (JSON.stringify(damage) !== JSON.stringify(HARMLESS))
          throw new Error(`${hostile.name}: ${JSON.stringify(damage)}`);
        const isSprung = springs(world, hostile);
        if (isSprung === false) throw new Error(`${hostile.name}: plain git does not spring the trap`);
        if (isSprung === true) sprung += 1;
      }
    } finally {
      await served.close();
      world.dispose();
    }
    return [
      `${count - from} cases, ${sprung} traps sprung by plain git`,
      "0 executed, 0 read or written outside, every answer as it should be",
    ];
  },
};
