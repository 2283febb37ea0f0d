import { setTimeout as sleep } from "node:timers/promises";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { SERVED, temporaryFolder, type Served } from "../test/support/all-servers.ts";
import { processorMs, residentMb } from "./machine.ts";
import { quantile } from "./statistics.ts";
import { startStdioServer } from "./stdio-server.ts";

export interface StartFigures {
  readonly name: Served;
  readonly tools: number;
  readonly tokens: number;
  readonly p50Ms: number;
  readonly minMs: number;
  /** Processor time of the process until then, the median: hardly changes with other load. */
  readonly cpuMs: number;
  /** Resident memory of an idle process after its first tools/list, the median of the starts. */
  readonly rssMb: number;
}

interface Sample {
  readonly name: Served;
  readonly home: ReturnType<typeof temporaryFolder>;
  readonly startMs: number[];
  readonly cpuMs: number[];
  readonly rssMb: number[];
  tools: number;
  tokens: number;
}

/** Starts every server so many times, in turns, each on a state folder that exists already. */
export async function measureStarts(rounds: number): Promise<readonly StartFigures[]> {
  const samples = SERVED.map((name): Sample => ({
    name,
    home: temporaryFolder(`bench-${name}`),
    startMs: [],
    cpuMs: [],
    rssMb: [],
    tools: 0,
    tokens: 0,
  }));
  for (let round = 0; round <= rounds; round += 1) {
    for (const sample of samples) {
      const server = await startStdioServer(sample.name, sample.home.path);
      const cpuMs = processorMs(server.pid);
      const listed = await server.client.listTools();
      await sleep(300);
      sample.tools = listed.tools.length;
      sample.tokens = encode(JSON.stringify(listed)).length;
      // The first round makes the state folder and fills the file cache.
      if (round > 0) {
        sample.startMs.push(server.startMs);
        sample.cpuMs.push(cpuMs);
        sample.rssMb.push(residentMb(server.pid));
      }
      await server.close();
    }
  }
  return samples.map(({ name, home, startMs, cpuMs, rssMb, tools, tokens }) => {
    home.dispose();
    return {
      name,
      tools,
      tokens,
      p50Ms: quantile(startMs, 0.5),
      minMs: Math.min(...startMs),
      cpuMs: quantile(cpuMs, 0.5),
      rssMb: quantile(rssMb, 0.5),
    };
  });
}
