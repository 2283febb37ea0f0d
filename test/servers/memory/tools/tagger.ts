// A process of its own that adds tags to one memory: `node tagger.ts HOME ID NAME COUNT`.
import { connect, mustCall } from "../../../support/connect.ts";
import { openMemory } from "../../../../servers/memory/main.ts";

const [home = "", id = "", name = "", count = "0"] = process.argv.slice(2);
const server = await openMemory({ home, env: {}, cwd: home, log: () => undefined });
const { client, close } = await connect(server);
for (let i = 0; i < Number(count); i += 1) {
  const changes = { tags: [`${name}-${i}`] };
  await mustCall(client, "update_memory", { id, if_version: 1, changes, merge: "union" });
}
await close();
await server.close();
