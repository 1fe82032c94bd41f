// What this browser has to say in a room and is not acknowledged, and how its messages are linked.
//
// One message at a time is under way. It is kept sealed, before it is sent, so that it is the
// same after a crash; when it had to be sealed again, all its forms are kept, since one that was
// sent before may be the one that is stored. Who changes it holds the turn of `tabs.ts`.

import type { Link } from "../envelope/replay.ts";
import { beginningWith } from "./database.ts";
import type { Database } from "./database.ts";
import type { OutgoingRow } from "./rows.ts";

/** A sealed message. */
export type Outgoing = Omit<OutgoingRow, "room" | "attempt">;

export class Outbox {
  readonly #db: Database;
  readonly #room: string;
  readonly #device: string;

  constructor(db: Database, room: string, device: string) {
    this.#db = db;
    this.#room = room;
    this.#device = device;
  }

  /** The place of the next new message in this browser's chain. */
  async nextLink(): Promise<Link> {
    const row = await this.#db.read(["links"], (step) => step.get("links", this.#room));
    if (row === null) return { device: this.#device, seq: 1, prev: null };
    return { device: this.#device, seq: row.seq + 1, prev: row.digest };
  }

  /** Every form of the message under way, the newest first; empty if there is none. */
  async forms(): Promise<readonly Outgoing[]> {
    const range = beginningWith(this.#room);
    return (await this.#db.read(["outbox"], (step) => step.all("outbox", range))).reverse();
  }

  /** Keep a form, as the newest one. */
  async put(form: Outgoing): Promise<void> {
    const room = this.#room;
    await this.#db.write(["outbox"], async (step) => {
      const newest = (await step.all("outbox", beginningWith(room))).at(-1);
      await step.put("outbox", { ...form, room, attempt: (newest?.attempt ?? 0) + 1 });
    });
  }

  /** The relay has `form`: the next message follows it. */
  async stored({ seq, digest }: Outgoing): Promise<void> {
    const room = this.#room;
    await this.#db.write(["links", "outbox"], async (step) => {
      await step.put("links", { room, seq, digest });
      await step.remove("outbox", beginningWith(room));
    });
  }

  /** The message under way never went out, and never can: its link is free again. */
  async drop(): Promise<void> {
    await this.#db.write(["outbox"], (step) => step.remove("outbox", beginningWith(this.#room)));
  }
}
