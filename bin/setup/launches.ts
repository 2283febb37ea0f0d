import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { SERVER_NAMES } from "../../orchestrator/servers.ts";
import type { Host, Launch, Place } from "./hosts.ts";

/** The launcher of this installation, which hosts start. */
export function launcher(): string {
  const up = import.meta.url.endsWith(".ts") ? "../slipway" : "../../../bin/slipway";
  return fileURLToPath(new URL(up, import.meta.url));
}

/** The servers to write down, by the name that the host shows: one for all, or five. */
export function launchesFor(
  host: Host,
  place: Place,
  home: string,
  isSeparate: boolean,
): ReadonlyMap<string, Launch> {
  const project = host.isProjectless === true ? ["--home", home, "--root", place.project] : [];
  const launch = (server: string): Launch => ({
    command: launcher(),
    args: ["serve", server, ...project],
  });
  if (!isSeparate) return new Map([["slipway", launch("all")]]);
  return new Map(SERVER_NAMES.map((name) => [`slipway-${name}`, launch(name)]));
}

/** Every name under which Slipway writes itself down. */
export const OUR_NAMES: readonly string[] = ["slipway", ...SERVER_NAMES.map((name) => `slipway-${name}`)];

/** Whether an entry found under one of our names starts Slipway; somebody else's server is never taken away. */
export function isOurs(entry: unknown): boolean {
  if (typeof entry !== "object" || entry === null) return false;
  const { command, args } = Object.fromEntries(Object.entries(entry));
  if (typeof command === "string" && OUR_NAMES.includes(basename(command))) return true;
  // As in `npx slipway serve all`.
  const words: readonly unknown[] = Array.isArray(args) ? args : [];
  return words.some((word) => typeof word === "string" && OUR_NAMES.includes(word.replace(/@.*$/, "")));
}
