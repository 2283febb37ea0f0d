import { randomBytes } from "node:crypto";
import { findHome } from "../../../kernel/home.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags } from "../../../kernel/flags.ts";
import { EXIT, type Command } from "../../../kernel/io.ts";
import { silentLog } from "../../../kernel/log.ts";
import { dockerClient, dockerError } from "../adapters/docker-client.ts";
import { nodeImage } from "../adapters/node-image.ts";
import { findNpm } from "../adapters/npm-package.ts";
import { readSandboxConfig } from "../config.ts";

const HELP = `slipway sandbox image build node

Builds the image that Docker sandboxes of template node run on, from the Node that runs this command, its npm
busybox and setpriv. Nothing is fetched from a registry. Does nothing where the image is there already.`;

/** `slipway sandbox image build node`: prints the image's tag. */
export const imageBuildCommand: Command = async (argv, io) => {
  const flags = parseFlags(argv, { home: { type: "string" }, help: { type: "boolean", short: "h" } }, 1);
  if (flags.has("help")) {
    io.out(HELP);
    return EXIT.done;
  }
  const [template] = flags.words;
  if (template !== "node") {
    throw new DomainError(
      "invalid",
      template === undefined ? "which image?" : `there is no image "${template}"`,
      { hint: "slipway sandbox image build node" },
    );
  }
  const home = findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
  const config = readSandboxConfig({ home, env: io.env, cwd: io.cwd, log: silentLog });
  const image = nodeImage({
    node: process.execPath,
    npm: () => findNpm(config.path),
    nonce: () => randomBytes(8).toString("hex"),
    busybox: config.busybox,
    setpriv: config.setpriv,
  });
  // What this machine lacks is said before the daemon is asked.
  await image.check();
  try {
    const docker = await dockerClient(config.dockerHost);
    io.out(await image.ensure(docker, (message) => io.err(message)));
    return EXIT.done;
  } catch (error) {
    throw dockerError(error, "");
  }
};
