// A process of its own that remembers: `node writer.ts HOME NAME COUNT`. Prints the acknowledged ids as JSON.
import { callTool, connect } from "../../../support/connect.ts";
import { openMemory } from "../../../../servers/memory/main.ts";

const [home = "", name = "", count = "0"] = process.argv.slice(2);
const server = await openMemory({ home, env: {}, cwd: home, log: () => undefined });
const { client, close } = await connect(server);
const acknowledged: unknown[] = [];
const failed: unknown[] = [];
for (let i = 0; i < Number(count); i += 1) {
  const answer = await callTool(client, "remember", { items: [{ text: `writer ${name} says ${i}`, kind: "fact" }] });
  if (answer.ok) acknowledged.push(answer.value["items"]);
  else failed.push(answer.error);
}
await close();
await server.close();
process.stdout.write(JSON.stringify({ acknowledged: acknowledged.flat(), failed }));
