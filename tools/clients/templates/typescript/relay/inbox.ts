// What the relay sent and nobody took yet, in order. Who fills it bounds it.

interface Item<Frame, Place> {
  readonly frame: Frame;
  place: Place;
}

/**
 * Each frame has the place that is reached with it; `place` is the one that who takes has reached,
 * null before the first is known.
 */
export class Inbox<Frame, Place> {
  place: Place | null = null;
  /** Called when one is taken. */
  onTaken: () => void = () => undefined;
  #items: Item<Frame, Place>[] = [];
  /** How many at the start of `#items` were taken: a shift of each would move all the others. */
  #taken = 0;
  #takers: ((frame: Frame | null) => void)[] = [];
  #ended = false;

  get size(): number {
    return this.#items.length - this.#taken;
  }

  put(frame: Frame, place: Place): void {
    const taker = this.#takers.shift();
    if (taker === undefined) {
      this.#items.push({ frame, place });
    } else {
      this.place = place;
      taker(frame);
    }
  }

  /** Go to `place` without a frame: it is reached with the newest that is there. */
  move(place: Place): void {
    const newest = this.size > 0 ? this.#items.at(-1) : undefined;
    if (newest === undefined) this.place = place;
    else newest.place = place;
  }

  /** The oldest frame; null when there is none and there will be none. */
  take(): Promise<Frame | null> {
    const oldest = this.#items[this.#taken];
    if (oldest === undefined) {
      if (this.#ended) return Promise.resolve(null);
      return new Promise((resolve) => this.#takers.push(resolve));
    }
    this.#taken += 1;
    if (this.#taken > 64 && this.#taken * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    this.place = oldest.place;
    this.onTaken();
    return Promise.resolve(oldest.frame);
  }

  /** Nothing more will come. */
  end(): void {
    this.#ended = true;
    for (const taker of this.#takers.splice(0)) taker(null);
  }
}
