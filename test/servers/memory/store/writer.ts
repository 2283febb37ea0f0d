// A process of its own that remembers: `node writer.ts HOME NAME COUNT`. Prints one JSON line per answer, at once.
import { callTool, connect } from "../../../support/connect.ts";
import { openMemory } from "../../../../servers/memory/main.ts";

const [home = "", name = "", count = "0"] = process.argv.slice(2);
const server = await openMemory({ home, env: {}, cwd: home, log: () => undefined });
const { client, close } = await connect(server);
for (let i = 0; i < Number(count); i += 1) {
  const answer = await callTool(client, "remember", {
    items: [{ text: `writer ${name} says ${i}`, kind: "fact" }],
  });
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await close();
await server.close();
