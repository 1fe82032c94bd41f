// What was typed in a room and is not in its outbox. It has to outlive a page that is closed at any
// moment, so that it is kept at once: IndexedDB loses what it has not finished to write.
//
// What was said belongs to the tab where it was, as long as that lives: a lock is held for so long.

/** Something that was said, and is not on its way. */
export interface Unsent {
  readonly key: string;
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

  /** Keep what is said in `room` until it is dropped; returns its key. */
  say(room: string, text: string): string {
    const nth = String((this.#count += 1)).padStart(9, "0");
    const key = UNSENT + JSON.stringify([this.#username, room, this.#tab, nth]);
    put(key, text);
    return key;
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
        take(this.#unsentOf(room, tab).map(({ key, text }) => this.#moved(room, key, text)));
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

  #moved(room: string, key: string, text: string): Unsent {
    const mine = this.say(room, text);
    this.drop(key);
    return { key: mine, text };
  }

  #unsentOf(room: string, tab: string): readonly Unsent[] {
    return this.#places(room)
      .filter((place) => place.tab === tab)
      .map(({ key }) => ({ key, text: localStorage.getItem(key) ?? "" }));
  }

  #places(room: string): readonly { readonly key: string; readonly tab: string }[] {
    const found: { key: string; tab: string; nth: string }[] = [];
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(UNSENT)) continue;
      const [username, where, tab, nth] = JSON.parse(key.slice(UNSENT.length)) as string[];
      if (username !== this.#username || where !== room) continue;
      if (tab !== undefined && nth !== undefined) found.push({ key, tab, nth });
    }
    return found.sort((a, b) => (a.nth < b.nth ? -1 : 1));
  }

  #draftKey(room: string): string {
    return `ilo.draft/${this.#username}/${room}`;
  }
}

const UNSENT = "ilo.said/";

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
