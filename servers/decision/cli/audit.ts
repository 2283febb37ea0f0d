import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { systemClock, toIso } from "../../../kernel/clock.ts";
import { DomainError } from "../../../kernel/errors.ts";
import { parseFlags, type Flags } from "../../../kernel/flags.ts";
import { findHome } from "../../../kernel/home.ts";
import { EXIT, type Command, type Io } from "../../../kernel/io.ts";
import { auditKey, isSignedBy, keyId } from "../adapters/audit-key.ts";
import { headText, PAYLOAD_TYPE, preAuthEncoding, statementOf, type Head } from "../domain/audit.ts";
import { auditStore } from "../store/audit.ts";
import { exitFor, withStore } from "./opened.ts";

const STORE = "decision";
const PAGE = 500;

/** Where the heads that `audit head` signed are kept beside the store; copies elsewhere are worth more. */
const HEADS = "audit-heads.ndjson";

const SignedHead = z.object({
  store: z.string(),
  seq: z.int(),
  hash: z.string(),
  at: z.string(),
  key_id: z.string(),
  public_key: z.string(),
  signature: z.string(),
});
type SignedHead = z.output<typeof SignedHead>;

const COMMON = {
  home: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Holds the decision log against its own chain, against signed heads and against the state. */
export const auditVerify: Command = async (argv, io) => {
  try {
    const flags = parseFlags(argv, { ...COMMON, head: { type: "string", multiple: true } }, 0);
    if (flags.has("help")) {
      io.out(
        `usage: slipway audit verify [--head FILE]... [--json] [--home DIR]

Walks the log of decisions, votes, approvals, outcomes and policies: a changed, missing or moved event is named. Holds
it against the signed heads in the state folder and in FILE (from \`slipway audit head\`, kept elsewhere: only such a
copy shows that the end was cut off or everything rewritten) and against the state. Changes nothing. Exit 1 when something is wrong.`,
      );
      return EXIT.done;
    }
    const home = homeOf(flags, io);
    const own = join(home, HEADS);
    const read = [
      ...(existsSync(own) ? readHeads(own) : []),
      ...flags.texts("head").flatMap((file) => readHeads(resolve(io.cwd, file))),
    ];
    const { heads, problems: forged } = checkSignatures(home, read);
    const { head, problems } = auditStore(join(home, `${STORE}.db`), heads);
    const all = [...forged, ...problems];
    if (flags.has("json"))
      io.out(
        JSON.stringify({
          store: STORE,
          events: head?.seq ?? 0,
          hash: head?.hash ?? null,
          heads: heads.length,
          problems: all,
        }),
      );
    else for (const problem of all) io.out(problem);
    io.err(
      all.length === 0
        ? `${head?.seq ?? 0} events, unbroken; ${heads.length} signed heads fit`
        : `${all.length} ${all.length === 1 ? "problem" : "problems"}`,
    );
    return all.length === 0 ? EXIT.done : EXIT.failed;
  } catch (error) {
    return exitFor(error, io);
  }
};

/** Signs how far the log reaches now, for keeping elsewhere. */
export const auditHead: Command = async (argv, io) => {
  try {
    const flags = parseFlags(argv, COMMON, 0);
    if (flags.has("help")) {
      io.out(
        "usage: slipway audit head [--home DIR]   signs how far the log reaches, prints it as one line of JSON and keeps it; put a copy elsewhere",
      );
      return EXIT.done;
    }
    const home = homeOf(flags, io);
    const { head, problems } = auditStore(join(home, `${STORE}.db`), []);
    if (problems.length > 0 || head === null)
      throw new DomainError("invalid_state", problems[0] ?? "there is nothing in the log", {
        hint: "see slipway audit verify",
      });
    const key = auditKey(home);
    const unsigned: Head = { store: STORE, ...head, at: toIso(systemClock()) };
    const signed: SignedHead = {
      ...unsigned,
      key_id: key.id,
      public_key: key.publicPem,
      signature: key.sign(headText(unsigned)),
    };
    appendFileSync(join(home, HEADS), `${JSON.stringify(signed)}\n`, { mode: 0o600 });
    io.out(JSON.stringify(signed));
    return EXIT.done;
  } catch (error) {
    return exitFor(error, io);
  }
};

/** Prints the log as signed in-toto statements, one DSSE envelope per line. */
export const auditExport: Command = async (argv, io) => {
  try {
    const flags = parseFlags(argv, { ...COMMON, after: { type: "string" } }, 0);
    if (flags.has("help")) {
      io.out(
        "usage: slipway audit export [--after SEQ] [--home DIR]   prints every event as an in-toto statement in a signed DSSE envelope, one per line",
      );
      return EXIT.done;
    }
    const home = homeOf(flags, io);
    let after = flags.int("after", 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const done = await withStore(flags.text("home"), io, async (store) => {
      const key = auditKey(home);
      for (;;) {
        const events = await store.events({ after, limit: PAGE });
        for (const event of events) io.out(envelope(key, JSON.stringify(statementOf(event))));
        const last = events.at(-1);
        if (last === undefined || io.signal.aborted) return true;
        after = last.seq;
      }
    });
    if (done === undefined)
      throw new DomainError("not_found", `there is no store in ${home}`, {
        hint: "name the state folder with --home DIR",
      });
    return io.signal.aborted ? EXIT.interrupted : EXIT.done;
  } catch (error) {
    return exitFor(error, io);
  }
};

function envelope(key: ReturnType<typeof auditKey>, statement: string): string {
  // Byte lengths are what the encoding wants, so the statement is made ASCII first.
  const payload = statement.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return JSON.stringify({
    payloadType: PAYLOAD_TYPE,
    payload: Buffer.from(payload).toString("base64"),
    signatures: [{ keyid: key.id, sig: key.sign(preAuthEncoding(PAYLOAD_TYPE, payload)) }],
  });
}

function homeOf(flags: Flags, io: Io): string {
  return findHome({ flag: flags.text("home"), env: io.env, cwd: io.cwd });
}

function readHeads(file: string): readonly SignedHead[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new DomainError("unavailable", `${file} cannot be read`, {
      hint: "name a file of signed heads",
      cause,
    });
  }
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line, index) => {
      try {
        return SignedHead.parse(JSON.parse(line));
      } catch (cause) {
        throw new DomainError("invalid", `${file}: line ${index + 1} is no signed head`, {
          hint: "each line is what `slipway audit head` printed",
          cause,
        });
      }
    });
}

/** Heads count by the key of this state folder; a head with another key, or a wrong signature, is a problem itself. */
function checkSignatures(
  home: string,
  read: readonly SignedHead[],
): { readonly heads: readonly Head[]; readonly problems: readonly string[] } {
  if (read.length === 0) return { heads: [], problems: [] };
  const { publicPem } = auditKey(home);
  const genuine = read.filter(
    (head) => head.store === STORE && isSignedBy(publicPem, headText(head), head.signature),
  );
  return {
    heads: genuine,
    problems: read
      .filter((head) => !genuine.includes(head))
      .map((head) =>
        keyId(head.public_key) === keyId(publicPem)
          ? `head of event ${head.seq}: its signature does not fit`
          : `head of event ${head.seq}: signed with another key (${head.key_id})`,
      ),
  };
}
