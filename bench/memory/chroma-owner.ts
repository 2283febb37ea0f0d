/**
 * A process that is made to be killed: it runs Chroma on a folder and puts vectors into it without end, 50 at a time,
 * and says on stdout what was acknowledged. `chroma-owner.ts CLI FOLDER COLLECTION FROM`
 */
import { chromaVectors, startChroma } from "../../servers/memory/index.ts";
import { vectorAt } from "./chroma-kills.ts";

const BATCH = 50;

const [cli = "", folder = "", collection = "", from = "0"] = process.argv.slice(2);
const { address, pid } = await startChroma(cli, folder);
process.stdout.write(`pid ${pid}\n`);
const index = chromaVectors({ server: { address: async () => address }, collection, dimension: 16 });
for (let last = Number(from); ; last += BATCH) {
  const page = Array.from({ length: BATCH }, (_, at) => ({
    n: last + at + 1,
    values: vectorAt(last + at + 1),
  }));
  await index.put(page, last + BATCH);
  process.stdout.write(`acknowledged ${last + BATCH}\n`);
}
