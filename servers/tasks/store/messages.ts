import { z } from "zod";
import { parseRow, type Row, type Sql } from "../../../kernel/sqlite/database.ts";
import type { Message } from "../domain/message.ts";
import type { MessageTx } from "./task-store.ts";

const MessageRow = z.object({
  seq: z.int(),
  sender: z.string(),
  recipient: z.string(),
  text: z.string(),
  task_id: z.string().nullable(),
  at: z.int(),
});

function toMessage(row: Row): Message {
  const { sender, recipient, task_id, ...rest } = parseRow(MessageRow, row);
  return { ...rest, from: sender, to: recipient, taskId: task_id };
}

/** The messages, and how far each agent has read them. */
export function messageTx(sql: Sql): MessageTx {
  const lastMessage = (): number =>
    Number(sql.get("SELECT coalesce(max(seq), 0) AS seq FROM message")?.["seq"]);
  return {
    async addMessage({ from, to, text, taskId, at }) {
      const seq = lastMessage() + 1;
      sql.run(
        "INSERT INTO message (seq, sender, recipient, text, task_id, at) VALUES (?, ?, ?, ?, ?, ?)",
        seq,
        from,
        to,
        text,
        taskId,
        at,
      );
      return seq;
    },
    async messages({ reader, addresses, after, limit }) {
      return sql
        .all(
          `SELECT * FROM message WHERE recipient IN (SELECT value FROM json_each(?1)) AND seq > ?2
             AND (sender <> ?3 OR recipient = ?3) ORDER BY seq LIMIT ?4`,
          JSON.stringify(addresses),
          after,
          reader,
          limit,
        )
        .map(toMessage);
    },
    async messageCursor(agent) {
      return Number(sql.get("SELECT seq FROM message_cursor WHERE agent = ?", agent)?.["seq"] ?? 0);
    },
    async moveMessageCursor(agent, seq) {
      sql.run(
        `INSERT INTO message_cursor (agent, seq) VALUES (?1, ?2)
         ON CONFLICT (agent) DO UPDATE SET seq = max(seq, excluded.seq)`,
        agent,
        seq,
      );
    },
  };
}
