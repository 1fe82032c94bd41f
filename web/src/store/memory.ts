// What this person keeps of each room: its label, whom they removed, how far they read.

import { beginningWith } from "./database.ts";
import type { Database } from "./database.ts";

export class Memory {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** What this person calls each room that they gave a label. */
  async labels(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#db.read(["labels"], (step) => step.all("labels"));
    return new Map(rows.map(({ room, label }) => [room, label]));
  }

  async keepLabel(room: string, label: string): Promise<void> {
    await this.#db.write(["labels"], (step) =>
      label === "" ? step.remove("labels", room) : step.put("labels", { room, label }),
    );
  }

  /** Whom this person removed from `room` and has not invited again. */
  async expelled(room: string): Promise<ReadonlySet<string>> {
    const range = beginningWith(room);
    const rows = await this.#db.read(["expelled"], (step) => step.all("expelled", range));
    return new Set(rows.map(({ username }) => username));
  }

  async expel(room: string, username: string): Promise<void> {
    await this.#db.write(["expelled"], (step) => step.put("expelled", { room, username }));
  }

  async readmit(room: string, username: string): Promise<void> {
    await this.#db.write(["expelled"], (step) => step.remove("expelled", [room, username]));
  }

  /** The newest message of `room` that was shown. */
  async cursor(room: string): Promise<{ readonly epoch: string; readonly seq: number } | null> {
    return this.#db.read(["cursors"], (step) => step.get("cursors", room));
  }

  async cursors(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#db.read(["cursors"], (step) => step.all("cursors"));
    return new Map(rows.map(({ room, seq }) => [room, seq]));
  }

  /** Everything up to `seq` was shown. Within an epoch the cursor only moves on. */
  async keepCursor(room: string, epoch: string, seq: number): Promise<void> {
    await this.#db.write(["cursors", "known"], async (step) => {
      const before = await step.get("cursors", room);
      const isSame = before?.epoch === epoch;
      const from = isSame ? before.seq : 0;
      if (isSame && seq <= from) return;
      await step.put("cursors", { room, epoch, seq });
      const range = IDBKeyRange.bound([room, epoch, from], [room, epoch, seq]);
      for (const row of await step.knownAt(range)) {
        if (!row.isTaken) await step.put("known", { ...row, isTaken: true });
      }
    });
  }

  /** Forget where one was in a room that one is no member of any more, and what is unsent there.
   *
   * What protects against repeated messages stays: one may come back. */
  async forgetRoom(room: string): Promise<void> {
    await this.#db.write(["cursors", "outbox", "labels", "expelled"], async (step) => {
      await step.remove("cursors", room);
      await step.remove("outbox", beginningWith(room));
      await step.remove("labels", room);
      await step.remove("expelled", beginningWith(room));
    });
  }
}
