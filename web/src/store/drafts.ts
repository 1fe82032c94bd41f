// What was typed in a room and is not in its outbox. It has to outlive a page that is closed at any
// moment, so that it is kept at once: IndexedDB loses what it has not finished to write.
//
// What was said belongs to the tab where it was, as long as that lives: a lock is held for so long.

/** Something that was said, and may not be on its way. */
export interface Unsent {
  readonly key: string;
  /** The id of the message that it is or becomes: whoever meets both knows that they are one. */
  readonly id: string;
  readonly text: string;
}

export class Drafts {
  readonly #username: string;
  readonly #tab = crypto.randomUUID();
  #count = 0;
  #end: () => void = () => undefined;

  constructor(username: string) {
    this.#username = username;
    const ended = new Promise<void>((resolve) => {
      this.#end = resolve;
    });
    void navigator.locks.request(lockOf(this.#tab), () => ended);
  }

  /** Leave what is unsent to whoever is here next. */
  close(): void {
    this.#end();
  }

  /** What stands in the box of `room`. */
  of(room: string): string {
    return localStorage.getItem(this.#draftKey(room)) ?? "";
  }

  keep(room: string, draft: string): void {
    if (draft === "") localStorage.removeItem(this.#draftKey(room));
    else put(this.#draftKey(room), draft);
  }

  /** Keep what is said in `room` until it is dropped. */
  say(room: string, text: string, id: string = crypto.randomUUID()): Unsent {
    const nth = String((this.#count += 1)).padStart(9, "0");
    const key = UNSENT + JSON.stringify([this.#username, room, this.#tab, nth, id]);
    put(key, text);
    return { key, id, text };
  }

  /** It is on its way, or not to be sent; null is nothing. */
  drop(key: string | null): void {
    if (key !== null) localStorage.removeItem(key);
  }

  /** What is unsent in `room` of this tab, in its order. */
  unsent(room: string): readonly Unsent[] {
    return this.#unsentOf(room, this.#tab);
  }

  /** Give `take` what other tabs left unsent in `room`: each as soon as it is gone, until `signal`
   * says that it is enough. */
  inherit(room: string, signal: AbortSignal, take: (unsent: readonly Unsent[]) => void): void {
    const tabs = new Set(this.#places(room).map(({ tab }) => tab));
    tabs.delete(this.#tab);
    for (const tab of tabs) {
      const inherited = () => {
        take(this.#unsentOf(room, tab).map((unsent) => this.#moved(room, unsent)));
      };
      navigator.locks.request(lockOf(tab), { signal }, inherited).catch(() => {
        // The room was closed before that tab was.
      });
    }
  }

  forget(room: string): void {
    this.keep(room, "");
    for (const { key } of this.#places(room)) this.drop(key);
  }

  #moved(room: string, { key, id, text }: Unsent): Unsent {
    const mine = this.say(room, text, id);
    this.drop(key);
    return mine;
  }

  #unsentOf(room: string, tab: string): readonly Unsent[] {
    return this.#places(room)
      .filter((place) => place.tab === tab)
      .map(({ key, id }) => ({ key, id, text: localStorage.getItem(key) ?? "" }));
  }

  #places(room: string): readonly Place[] {
    const found: Place[] = [];
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(UNSENT)) continue;
      const [username, where, tab, nth, id] = JSON.parse(key.slice(UNSENT.length)) as Key;
      if (username === this.#username && where === room) found.push({ key, tab, nth, id });
    }
    return found.sort((a, b) => (a.nth < b.nth ? -1 : 1));
  }

  #draftKey(room: string): string {
    return `ilo.draft/${this.#username}/${room}`;
  }
}

const UNSENT = "ilo.said/";

type Key = readonly [username: string, room: string, tab: string, nth: string, id: string];

interface Place {
  readonly key: string;
  readonly tab: string;
  readonly nth: string;
  readonly id: string;
}

function lockOf(tab: string): string {
  return `ilo: tab ${tab}`;
}

function put(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // In a browser without room for it, it is lost with the page.
  }
}
