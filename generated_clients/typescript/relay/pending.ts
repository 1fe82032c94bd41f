// What was sent and has no answer yet, in the order in which it was sent.

import { errorMeaning } from "./contract.ts";
import { RelayError, Unconfirmed } from "./errors.ts";
import type { Failure, ServerFrame } from "./frames.ts";

/** One frame that waits for one of `replies`. */
export class Pending {
  readonly id: string;
  readonly #replies: readonly string[];
  readonly #cursor: string | null;
  readonly #answered: (frame: ServerFrame) => void;
  readonly #failed: (error: Error) => void;
  /** What it says is a getter: no console shows it. */
  #frame: Readonly<Record<string, unknown>>;
  #epoch: string | null = null;

  /** `cursor` is the member that tells the newest seq seen, which means something in one epoch. */
  constructor(
    id: string,
    frame: Readonly<Record<string, unknown>>,
    about: { readonly replies: readonly string[]; readonly cursor: string | null },
    answered: (frame: ServerFrame) => void,
    failed: (error: Error) => void,
  ) {
    this.id = id;
    this.#frame = frame;
    this.#replies = about.replies;
    this.#cursor = about.cursor;
    this.#answered = answered;
    this.#failed = failed;
  }

  /** Say it in `epoch` for the first time; `seen` is what its cursor tells when it tells nothing. */
  begin(epoch: string, seen: number): void {
    this.#epoch = epoch;
    if (this.#cursor !== null && this.#frame[this.#cursor] === undefined) this.#tell(seen);
  }

  /** The frame's text; in another epoch nothing that was seen before counts. */
  textIn(epoch: string): string {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#tell(0);
    }
    return JSON.stringify(this.#frame);
  }

  /** Whether `frame` is an answer; who waits for it has it then. */
  isAnsweredBy(frame: ServerFrame): boolean {
    if (frame.type === "error") {
      this.#failed(errorOf(frame));
      return true;
    }
    if (!this.#replies.includes(frame.type)) return false;
    this.#answered(frame);
    return true;
  }

  fail(error: Error): void {
    this.#failed(error);
  }

  #tell(seen: number): void {
    if (this.#cursor === null) return;
    this.#frame = { ...this.#frame, [this.#cursor]: seen };
  }
}

/** All that is pending. */
export class Unanswered {
  readonly #byId = new Map<string, Pending>();

  get size(): number {
    return this.#byId.size;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  add(pending: Pending): void {
    this.#byId.set(pending.id, pending);
  }

  all(): Pending[] {
    return [...this.#byId.values()];
  }

  /** Whether `frame` is an answer; who waits for it has it then. */
  answeredBy(frame: ServerFrame): boolean {
    const id = "id" in frame ? frame.id : undefined;
    const pending = id === undefined ? undefined : this.#byId.get(id);
    if (pending === undefined) return false;
    if (frame.type === "error") {
      const meaning = errorMeaning(frame.code);
      // The relay hangs up now. It is sent again with the others, in its place.
      if (meaning.stored === "unknown" && meaning.again) return true;
    }
    if (!pending.isAnsweredBy(frame)) return false;
    this.#byId.delete(pending.id);
    return true;
  }

  /** Tell all who wait that there will be no answer. */
  fail(why: string, cause?: Error): void {
    const all = this.all();
    this.#byId.clear();
    for (const pending of all) pending.fail(new Unconfirmed(pending.id, why, cause));
  }
}

/** A refusal as an error. */
function errorOf(frame: Failure): RelayError {
  const { stored, again } = errorMeaning(frame.code);
  const { id, path, retry_after: retryAfterS } = frame;
  return new RelayError(frame.code, frame.detail, { stored, again, id, path, retryAfterS });
}
