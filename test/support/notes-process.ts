import { createInterface } from "node:readline";
import { AnsweredMeanwhile } from "../../kernel/store.ts";
import { backupWhenDue } from "../../kernel/sqlite/backup.ts";
import { notesOver, openNotes, SOMEBODY } from "./notes-store.ts";

// A process of its own on a store of notes. Says "ready", then does what stdin asks for, a line at a time, and says
// one line for each; ends with stdin.
const [path = "", name = ""] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const next = async (): Promise<string | undefined> => (await lines.next()).value;

say("ready");
let count = 0;
let opened: ReturnType<typeof openNotes> | undefined;
const db = (): ReturnType<typeof openNotes> => (opened ??= openNotes(path));
for (let line = await next(); line !== undefined; line = await next()) {
  try {
    switch (line) {
      case "open":
        db();
        say("open");
        break;
      case "hold":
        await db().write(async (sql) => {
          sql.run("INSERT INTO note (name) VALUES ('held')");
          say("held");
          await next();
          throw new Error("let go");
        });
        break;
      case "write":
        for (;;) {
          count += 1;
          await notesOver(db()).write(SOMEBODY, (tx) => tx.add(`${name}-${count}`));
          say(`${name}-${count}`);
        }
      case "backup": {
        const file = await backupWhenDue(db(), () => 1_000_000, { everyMs: 60_000, keep: 12 });
        say(file === null ? "none" : file);
        break;
      }
      case "answer":
        say(
          await notesOver(db())
            .answer({ principal: { id: "local" }, once: { tool: "t", key: "k", digest: "d" } }, (tx) => {
              tx.add("once");
              return { by: name };
            })
            .then((answer) => `answered ${answer.by}`),
        );
        break;
      default:
        say(`? ${line}`);
    }
  } catch (error) {
    say(
      error instanceof AnsweredMeanwhile
        ? "meanwhile"
        : `error ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
opened?.close();
