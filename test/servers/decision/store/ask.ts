import { silentLog } from "../../../../kernel/log.ts";
import { openDecision } from "../../../../servers/decision/main.ts";
import { connect, mustCall } from "../../../support/connect.ts";

// Started by the tests several times at once, as every host starts a server of its own on the same file.
const [home = "", times = "1"] = process.argv.slice(2);
const server = await openDecision({ home, env: process.env, cwd: home, log: silentLog });
const { client, close } = await connect(server);
for (let i = 0; i < Number(times); i += 1) {
  const args = { action: "deploy", facts: { coverage: 0.9 }, critical: true, subject: "abc" };
  const { decision_id, approval_id } = await mustCall(client, "decide", args);
  process.stdout.write(`${String(decision_id)} ${String(approval_id)}\n`);
}
await close();
await server.close();
