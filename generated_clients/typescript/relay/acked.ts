// What the relay said is stored, and what of it a new epoch does not have.

import type { Ack, Gap } from "./frames.ts";
import { Newest } from "./memory.ts";

/** The newest `bound` messages of one client that were acknowledged, by their ids. */
export class Acked {
  readonly #stored: Newest<number>;
  readonly #doubtful: Newest<number>;
  readonly #missing: Newest<number>;

  constructor(bound: number) {
    this.#stored = new Newest(bound);
    this.#doubtful = new Newest(bound);
    this.#missing = new Newest(bound);
  }

  /** The ids of those that were acknowledged in an older epoch and have not come since. */
  get missing(): readonly string[] {
    return this.#missing.entries().map(([id]) => id);
  }

  /** It is stored, in the epoch of this connection. */
  acked(ack: Ack): void {
    this.#stored.add(ack.id, ack.seq);
    this.came(ack.id);
  }

  /** The relay is in another epoch; what is missing there its gap will tell. */
  inAnotherEpoch(): void {
    for (const [id, seq] of this.#stored.entries()) this.#doubtful.add(id, seq);
    this.#stored.clear();
  }

  /** The new epoch begins with `gap.from_seq`: what was before it is not in question. */
  beginsAt(gap: Gap): void {
    for (const [id, seq] of this.#doubtful.entries()) {
      if (seq >= gap.from_seq) this.#missing.add(id, seq);
    }
    this.#doubtful.clear();
  }

  /** A message of this client is there. */
  came(id: string): void {
    this.#doubtful.drop(id);
    this.#missing.drop(id);
  }
}
