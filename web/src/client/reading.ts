// How what comes out of a room's relay is opened: shown, or refused with its reason.

import type { MessageOut } from "ilo-relay";

import { Refused } from "../envelope/errors.ts";
import type { IdentityKey } from "../envelope/keys.ts";
import { openEnvelope } from "../envelope/open.ts";
import type { Opened } from "../envelope/open.ts";
import type { KeyPairs } from "../envelope/pairs.ts";
import type { Warning } from "../envelope/replay.ts";
import type { Pins } from "../store/pins.ts";
import type { Received } from "../store/received.ts";
import type { Message, NotShown, Said } from "./events.ts";

export class Reading {
  readonly #room: string;
  readonly #username: string;
  readonly #pairs: () => KeyPairs;
  readonly #pins: Pins;
  readonly #received: Received;

  constructor(
    room: string,
    username: string,
    pairs: () => KeyPairs,
    pins: Pins,
    received: Received,
  ) {
    this.#room = room;
    this.#username = username;
    this.#pairs = pairs;
    this.#pins = pins;
    this.#received = received;
  }

  /** What a message says that came in its order; null when it was shown already. And the ids of
   * keys that it is encrypted for, and that belong to no member known here. Throws `Refused`. */
  async live(
    frame: MessageOut,
    epoch: string,
  ): Promise<{ readonly shown: Message | null; readonly strangers: readonly string[] }> {
    const opened = await this.#open(frame, await this.#identity(frame.sender));
    const place = { epoch, seq: frame.seq };
    const { isNew, warnings } = await this.#received.takeIn(opened, place);
    const mine = new Set(this.#pairs().encryption.map((pair) => pair.public.kid));
    const others = opened.toKids.filter((kid) => !mine.has(kid));
    const strangers = await this.#received.strangers(others, place);
    return { shown: isNew ? this.#shown(frame, opened, warnings) : null, strangers };
  }

  /** What a page of the history says. */
  async page(frames: readonly MessageOut[], epoch: string): Promise<readonly Said[]> {
    const found: Said[] = [];
    const seen = new Set<string>();
    for (const frame of frames) {
      const name = JSON.stringify([frame.sender, frame.id]);
      try {
        if (seen.has(name)) throw new Refused("replay");
        seen.add(name);
        found.push(await this.#ofHistory(frame, epoch));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        found.push(notShown(frame, error));
      }
    }
    return found;
  }

  async #ofHistory(frame: MessageOut, epoch: string): Promise<Message> {
    // Long ago it may have been signed with a key that was given up since.
    const keys = [await this.#identity(frame.sender), ...(await this.#pins.former(frame.sender))];
    let opened: Opened | null = null;
    for (const [nth, key] of keys.entries()) {
      try {
        opened = await this.#open(frame, key);
        break;
      } catch (error) {
        const isOther = error instanceof Refused && error.code === "key-changed";
        if (!isOther || nth + 1 === keys.length) throw error;
      }
    }
    if (opened === null) throw new Refused("unpinned");
    const warnings = await this.#received.lookBack(opened, { epoch, seq: frame.seq });
    return this.#shown(frame, opened, warnings);
  }

  async #open(frame: MessageOut, key: IdentityKey | null): Promise<Opened> {
    if (frame.room !== this.#room) throw new Refused("room");
    const opened = await openEnvelope(frame.data.message, {
      room: this.#room,
      sender: frame.sender,
      pairs: this.#pairs(),
      pin: () => key,
    });
    if (opened.mid !== frame.id) throw new Refused("binding");
    return opened;
  }

  async #identity(sender: string): Promise<IdentityKey | null> {
    if (sender === this.#username) return this.#pairs().identity.public;
    return this.#pins.identity(sender);
  }

  #shown(frame: MessageOut, opened: Opened, warnings: readonly Warning[]): Message {
    return {
      kind: "message",
      id: frame.id,
      seq: frame.seq,
      sender: frame.sender,
      sentAt: frame.sent_at,
      text: opened.body,
      isOwn: frame.sender === this.#username,
      warnings,
    };
  }
}

export function notShown(frame: MessageOut, { code }: Refused): NotShown {
  const { id, seq, sender, sent_at: sentAt } = frame;
  return { kind: "not-shown", id, seq, sender, sentAt, code };
}
