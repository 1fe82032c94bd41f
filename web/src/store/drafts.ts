// What was typed in a room and not sent. It has to outlive a page that is closed at any moment, so
// that it is kept at once: IndexedDB loses what it has not finished to write.

export class Drafts {
  readonly #username: string;

  constructor(username: string) {
    this.#username = username;
  }

  /** What stands in the box of `room`. */
  of(room: string): string {
    return localStorage.getItem(this.#key("draft", room)) ?? "";
  }

  keep(room: string, draft: string): void {
    this.#keep(this.#key("draft", room), draft);
  }

  /** What was sent in `room`, and does not go out by itself. */
  unsent(room: string): readonly string[] {
    const kept = localStorage.getItem(this.#key("unsent", room));
    return kept === null ? [] : (JSON.parse(kept) as string[]);
  }

  keepUnsent(room: string, texts: readonly string[]): void {
    this.#keep(this.#key("unsent", room), texts.length === 0 ? "" : JSON.stringify(texts));
  }

  forget(room: string): void {
    this.keep(room, "");
    this.keepUnsent(room, []);
  }

  #key(what: string, room: string): string {
    return `ilo.${what}/${this.#username}/${room}`;
  }

  // A browser without room for it keeps the rest.
  #keep(key: string, text: string): void {
    try {
      if (text === "") localStorage.removeItem(key);
      else localStorage.setItem(key, text);
    } catch {
      // It is lost with the page.
    }
  }
}
