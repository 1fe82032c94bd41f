// Where a client is in its room: what it asks for when it comes back, and what of that is new.
//
// Does no I/O and keeps no clock.

import { Acked } from "./acked.ts";
import { InvalidFrame, LineLost } from "./errors.ts";
import type { Ack, Gap, Head, RelayEvent, Welcome } from "./frames.ts";
import { Newest } from "./memory.ts";

/** So many shown messages are known again by sender and id, and so many acknowledged ones. */
const REMEMBERED = 10_000;

/**
 * A place in a room: behind the message `seq` of `epoch`, or before the first one with 0. Kept, and
 * given as `since` and `epoch` to another client, that one goes on from here.
 */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/**
 * The cursor of one client, moved by messages and gaps only. It is where the next connection goes
 * on: behind what was put into the queue, which may be further than what the application has taken.
 */
export class Resume {
  readonly #since: number | undefined;
  readonly #shown = new Newest<true>(REMEMBERED);
  readonly #acks = new Acked(REMEMBERED);
  #cursor: Position | null = null;
  #epoch: string | null = null;
  #username: string | null = null;
  #behindSinceMs: number | null = null;

  constructor(since: number | undefined, epoch: string | undefined) {
    if (since === undefined && epoch !== undefined) {
      throw new InvalidFrame("epoch", "means nothing without since");
    }
    if (since !== undefined && since !== 0 && epoch === undefined) {
      throw new InvalidFrame("since", "needs its epoch, unless it is 0");
    }
    this.#since = since;
    if (since !== undefined && epoch !== undefined) this.#cursor = { epoch, seq: since };
  }

  get missing(): readonly string[] {
    return this.#acks.missing;
  }

  /** What to ask for at the next connect. */
  query(): Record<string, string> {
    if (this.#cursor !== null) {
      return { since: String(this.#cursor.seq), epoch: this.#cursor.epoch };
    }
    return this.#since === undefined ? {} : { since: String(this.#since) };
  }

  /** Where the client is, now that it was welcomed. */
  cameIn(welcome: Welcome): Position {
    const { epoch, head } = welcome;
    this.#epoch = epoch;
    this.#username = welcome.username;
    this.#behindSinceMs = null;
    this.#cursor ??= { epoch, seq: this.#since === undefined ? head : 0 };
    if (this.#cursor.epoch !== epoch) this.#acks.inAnotherEpoch();
    return this.#cursor;
  }

  /** The newest seq that was seen in the epoch of this connection. */
  seen(): number {
    const { epoch, seq } = this.#at();
    return epoch === this.#epoch ? seq : 0;
  }

  /** Where the cursor is when `event` is handed on. Throws `LineLost`: something is missing. */
  placeAfter(event: RelayEvent): Position {
    const cursor = this.#at();
    if (event.type === "gap") return this.#placeAfterGap(event, cursor);
    if (event.type !== "message") return cursor;
    this.#seeThatEpochIsTheSame(cursor);
    if (event.seq > cursor.seq + 1) {
      throw new LineLost(`the relay sent ${event.seq} after ${cursor.seq}`);
    }
    return { epoch: cursor.epoch, seq: Math.max(cursor.seq, event.seq) };
  }

  /** Whether the application has had `event` before. */
  isRepeat(event: RelayEvent): boolean {
    if (event.type !== "message") return false;
    return event.seq <= this.#at().seq || this.#shown.has(nameOf(event));
  }

  /** `event` is in the queue, or was had before: the cursor is at `place` now. */
  handedOn(event: RelayEvent, place: Position): void {
    this.#cursor = place;
    if (event.type === "message") {
      this.#behindSinceMs = null;
      this.#shown.add(nameOf(event), true);
      if (event.sender === this.#username) this.#acks.came(event.id);
    } else if (event.type === "gap") {
      this.#behindSinceMs = null;
      if (event.reason === "epoch") this.#acks.beginsAt(event);
    }
  }

  /** A message of this client is stored. That moves no cursor. */
  acked(ack: Ack): void {
    this.#acks.acked(ack);
  }

  /**
   * Compare the cursor with the room's head. Throws `LineLost`: for `patienceMs` the room has been
   * further, and nothing of that came.
   */
  toldOf(head: Head, nowMs: number, patienceMs: number): void {
    if (head.seq <= this.seen()) {
      this.#behindSinceMs = null;
    } else if (this.#behindSinceMs === null) {
      this.#behindSinceMs = nowMs;
    } else if (nowMs - this.#behindSinceMs > patienceMs) {
      throw new LineLost(`nothing came after ${this.seen()}, and the head is ${head.seq}`);
    }
  }

  #placeAfterGap(gap: Gap, cursor: Position): Position {
    const { reason } = gap;
    if (reason === "epoch") {
      return { epoch: this.#epoch ?? cursor.epoch, seq: gap.from_seq - 1 };
    }
    this.#seeThatEpochIsTheSame(cursor);
    switch (reason) {
      case "ahead":
        return { epoch: cursor.epoch, seq: gap.from_seq - 1 };
      case "retention":
        return { epoch: cursor.epoch, seq: Math.max(cursor.seq, gap.to_seq) };
      default:
        return reason satisfies never;
    }
  }

  #seeThatEpochIsTheSame(cursor: Position): void {
    if (cursor.epoch !== this.#epoch) {
      throw new LineLost("the relay went on in another epoch and named no gap");
    }
  }

  #at(): Position {
    if (this.#cursor === null) throw new Error("the cursor is there since the first welcome");
    return this.#cursor;
  }
}

/** What names a message for good within its room. Ids have one length and no space. */
function nameOf(message: { readonly id: string; readonly sender: string }): string {
  return `${message.id} ${message.sender}`;
}
