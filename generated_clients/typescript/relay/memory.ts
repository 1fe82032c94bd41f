// A memory with an end: it holds the newest of what it was told.

/** The newest `bound` entries, by their keys; older ones are forgotten. */
export class Newest<Value> {
  readonly #bound: number;
  readonly #entries = new Map<string, Value>();

  constructor(bound: number) {
    this.#bound = bound;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Keep `value`, as the newest; an older one of that key is replaced. */
  add(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#bound) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  drop(key: string): void {
    this.#entries.delete(key);
  }

  /** All that is kept, the oldest first. */
  entries(): [string, Value][] {
    return [...this.#entries];
  }

  clear(): void {
    this.#entries.clear();
  }
}
