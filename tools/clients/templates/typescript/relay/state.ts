// What a client is doing, for who shows it.

import type { RelayProblem } from "./errors.ts";

/**
 * - `new`: it was not opened yet.
 * - `connecting`: it gets a ticket, or waits to be welcomed.
 * - `connected`: the line is up, and what had no answer is sent again.
 * - `waiting`: it comes back after `delayMs`, or when it is told to; `why` there is no line.
 * - `behind`: it left the line, since nobody took what came; it comes back when that is taken.
 * - `closed`: it does not come back. `why` is null after `close()`.
 */
export type State =
  | { readonly name: "new" | "connecting" | "connected" | "behind" }
  | { readonly name: "waiting"; readonly delayMs: number; readonly why: RelayProblem }
  | { readonly name: "closed"; readonly why: Error | null };

/** The newest state, and who is told of the next. */
export class States {
  #now: State = Object.freeze({ name: "new" });
  readonly #listeners = new Set<(state: State) => void>();

  get now(): State {
    return this.#now;
  }

  become(state: State): void {
    this.#now = Object.freeze(state);
    for (const listener of [...this.#listeners]) {
      // Somebody else's fault ends no connection, and is not lost either.
      try {
        listener(this.#now);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  subscribe(listener: (state: State) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
