// What is shown of a room, in its order: what was said, what happened between, what is on its way.

import type { Change, Said, Sent } from "../client/events.ts";

/** Something that I say. `kept`: it goes out by itself, later; `failed`: it does not. */
export interface Outgoing {
  readonly kind: "outgoing";
  readonly key: string;
  readonly text: string;
  /** The message's id, also while there is no message yet. */
  readonly id: string;
  readonly state: "sending" | "sent" | "kept" | "failed";
  readonly words: string;
  /** Where the text of what failed is among the drafts. */
  readonly draft: string | null;
}

/** Something that happened. */
export interface Note {
  readonly kind: "note";
  readonly key: string;
  readonly words: string;
  /** Whose name comes in the place of `{}`; empty: there is none. */
  readonly name: string;
  readonly isAlarm: boolean;
  /** The newest message when it happened. */
  readonly after: number;
}

export type Item = Said | Note | Outgoing;

/** So many messages are shown at once; older ones come on request. */
export const SHOWN = 400;

export class Conversation {
  /** Whether there are older messages than those here. */
  hasEarlier = false;
  readonly #said = new Map<number, Said>();
  readonly #live = new Set<number>();
  #notes: Note[] = [];
  #outgoing: Outgoing[] = [];
  #count = 0;
  readonly #arrivedOne: (outgoing: Outgoing) => void;

  /** `arrived` is called with what was on its way, or seemed not to be, and is in the room. */
  constructor(arrived: (outgoing: Outgoing) => void) {
    this.#arrivedOne = arrived;
  }

  /** Everything, in the order of the room; what is on its way comes last. */
  items(): readonly Item[] {
    const found: Item[] = [];
    const notes = [...this.#notes];
    for (const seq of [...this.#said.keys()].sort((a, b) => a - b)) {
      while ((notes[0]?.after ?? seq) < seq) found.push(...notes.splice(0, 1));
      const said = this.#said.get(seq);
      if (said !== undefined) found.push(said);
    }
    return [...found, ...notes, ...this.#outgoing];
  }

  get oldest(): number | null {
    return this.#said.size === 0 ? null : Math.min(...this.#said.keys());
  }

  get newest(): number {
    return Math.max(0, ...this.#said.keys());
  }

  /** A message that came in its order. */
  heard(said: Said): void {
    this.#said.set(said.seq, said);
    this.#live.add(said.seq);
    this.#arrived([said]);
    if (this.#said.size <= SHOWN) return;
    const oldest = this.oldest;
    if (oldest === null) return;
    this.#said.delete(oldest);
    this.hasEarlier = true;
  }

  /** A page of the history. What was heard live was judged more strictly, and stays; but for what
   * could not be read since a key was not accepted yet. */
  page(page: readonly Said[], hasEarlier: boolean): void {
    for (const said of page) {
      const before = this.#said.get(said.seq);
      const waited = before?.kind === "not-shown" && before.code === "key-changed";
      if (!this.#live.has(said.seq) || waited) this.#said.set(said.seq, said);
    }
    this.#arrived(page);
    this.hasEarlier = hasEarlier;
  }

  note(words: string, isAlarm: boolean): void {
    this.#add({ words, name: "", isAlarm });
  }

  changed({ what, name }: Change, words: string): void {
    this.#add({ words, name, isAlarm: what === "key-changed" || what === "still-listed" });
  }

  /** The sequence is another one: what is here has no place in it. */
  clear(): void {
    this.#said.clear();
    this.#live.clear();
    this.#notes = [];
    this.hasEarlier = false;
  }

  // -- what I say

  /** Begin to send `text` as the message `id`; returns the key of what is on its way. */
  begin(text: string, id: string): string {
    const key = `outgoing-${String((this.#count += 1))}`;
    const state = "sending";
    this.#outgoing.push({ kind: "outgoing", key, text, id, state, words: "", draft: null });
    return key;
  }

  /** The server has it; it comes, or came, as a message. */
  sent(key: string, sent: Sent): void {
    if (this.#said.has(sent.seq)) this.drop(key);
    else this.#change(key, { state: "sent", words: "" });
  }

  /** The server does not have it; where its text is now, unless it is kept to go out. */
  unsent(key: string, state: "kept" | "failed", words: string, draft: string | null): void {
    this.#change(key, { state, words, draft });
  }

  drop(key: string): void {
    this.#outgoing = this.#outgoing.filter((one) => one.key !== key);
  }

  /** What is on its way, or did not get there, as the message with this id. */
  outgoing(id: string): Outgoing | undefined {
    return this.#outgoing.find((one) => one.id === id);
  }

  /** Whether what I said with this id is in the room by now. */
  isThere(id: string): boolean {
    return [...this.#said.values()].some((said) => isMine(said) && said.id === id);
  }

  // What of mine is in the room is on its way no more.
  #arrived(said: readonly Said[]): void {
    const ids = new Set(said.filter(isMine).map(({ id }) => id));
    const arrived = this.#outgoing.filter(({ id }) => ids.has(id));
    this.#outgoing = this.#outgoing.filter(({ id }) => !ids.has(id));
    for (const one of arrived) this.#arrivedOne(one);
  }

  #change(key: string, change: Partial<Outgoing>): void {
    this.#outgoing = this.#outgoing.map((one) => (one.key === key ? { ...one, ...change } : one));
  }

  #add(note: Pick<Note, "words" | "name" | "isAlarm">): void {
    const key = `note-${String((this.#count += 1))}`;
    this.#notes.push({ kind: "note", key, after: this.newest, ...note });
  }
}

function isMine(said: Said): boolean {
  return said.kind === "message" && said.isOwn;
}
