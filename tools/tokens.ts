/** Prints what the tool lists of the servers cost a host in tokens (o200k), against their budgets: `npm run tokens`. */
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { CORE_BUDGET, TOKEN_BUDGETS } from "../test/contract/contract.ts";
import { SERVED, openServed, temporaryFolder } from "../test/support/all-servers.ts";
import { connect } from "../test/support/connect.ts";

async function main(): Promise<number> {
  let isWithin = true;
  let suite = 0;
  console.log("served     tools  tokens  budget  prompts and resources");
  for (const name of SERVED) {
    const home = temporaryFolder("tokens");
    const server = await openServed(name, home.path);
    const { client, close } = await connect(server);
    const listed = await client.listTools();
    const offers = [
      (server.prompts ?? []).length > 0 ? await client.listPrompts() : {},
      (server.resources ?? []).length > 0 ? await client.listResourceTemplates() : {},
    ];
    await close();
    await server.close();
    home.dispose();
    const tokens = encode(JSON.stringify(listed)).length;
    const budget = name === "all" ? CORE_BUDGET.tokens : TOKEN_BUDGETS[name];
    if (name !== "all") suite += tokens;
    isWithin &&= tokens <= budget;
    const cells = [listed.tools.length, tokens, budget].map((count) => String(count).padStart(6));
    const label = name === "all" ? "core" : name;
    console.log(`${label.padEnd(9)} ${cells.join("  ")}  ${encode(JSON.stringify(offers)).length}`);
  }
  console.log(`suite            ${String(suite).padStart(6)}`);
  return isWithin ? 0 : 1;
}

process.exitCode = await main();
