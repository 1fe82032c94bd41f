// How what is said gets into an encrypted room: sealed once, kept, and stored once.

import { InvalidFrame, RelayError } from "ilo-relay";
import type { RoomClient } from "ilo-relay";

import { openEnvelope } from "../envelope/open.ts";
import type { Opened } from "../envelope/open.ts";
import type { EncryptionKey } from "../envelope/keys.ts";
import type { KeyPairs } from "../envelope/pairs.ts";
import type { Link, Place } from "../envelope/replay.ts";
import { seal } from "../envelope/seal.ts";
import type { Outbox, Outgoing } from "../store/outbox.ts";
import type { Sent } from "./events.ts";
import { KeysChanged } from "./failures.ts";
import { readersKeys } from "./roster.ts";
import type { Roster } from "./roster.ts";
import { pause } from "./pause.ts";

/** So often a message is sent again, where the relay says that this may help. */
const TRIES = 20;

/** What sending needs to know of the room and of who sends. */
export interface Sender {
  readonly room: string;
  readonly username: string;
  readonly pairs: () => KeyPairs;
  /** The members as they are now, or with `isFresh` only those that were just asked for. */
  readonly roster: (isFresh: boolean) => Promise<Roster>;
  /** Keeps other tabs from sending to this room meanwhile. */
  readonly inTurn: <R>(work: () => Promise<R>) => Promise<R>;
}

/** A message without an answer yet. */
export interface UnderWay {
  readonly id: string;
  readonly text: string;
}

export class Sending {
  readonly #client: RoomClient;
  readonly #sender: Sender;
  readonly #outbox: Outbox;
  // What was left of before and has been sent from here, by its id.
  readonly #rest = new Map<string, Sent>();

  constructor(client: RoomClient, sender: Sender, outbox: Outbox) {
    this.#client = client;
    this.#sender = sender;
    this.#outbox = outbox;
  }

  /** Send the message `id`, after what is left of before; `begun` is called when it is kept.
   *
   * If it is itself what is left, since its page was closed in that moment, it is sent as it is.
   *
   * Throws `KeysChanged`, `RangeError` when it is too long for so many, `RelayProblem`, and what
   * asking for the members throws. */
  send(id: string, body: string, begun: () => void): Promise<Sent> {
    return this.#sender.inTurn(async () => {
      const [left] = await this.#outbox.forms();
      if (left?.mid === id) begun();
      await this.#sendRest();
      const sent = this.#rest.get(id);
      if (sent !== undefined) {
        begun();
        return sent;
      }
      const roster = await this.#maySend(false, false);
      const link = await this.#outbox.nextLink();
      const form = await this.#seal(roster, id, link, "text", body, this.#place());
      await this.#outbox.put(form);
      begun();
      return this.#deliver(form, roster);
    });
  }

  /** What has no answer yet; null when there is nothing. */
  async underWay(): Promise<UnderWay | null> {
    const [form] = await this.#outbox.forms();
    return form === undefined ? null : { id: form.mid, text: (await this.#opened(form)).body };
  }

  /** Send what is left of before, if anything is. */
  async sendRest(): Promise<void> {
    if ((await this.#outbox.forms()).length > 0) {
      await this.#sender.inTurn(() => this.#sendRest());
    }
  }

  async #sendRest(): Promise<void> {
    const [form] = await this.#outbox.forms();
    if (form === undefined) return;
    const roster = await this.#maySend(false, true);
    const sent = await this.#deliver(await this.#sealedFor(roster, form), roster);
    this.#rest.set(sent.id, sent);
  }

  // Epoch and seq of the newest message that is known.
  #place(): Place {
    const { welcome, cursor } = this.#client;
    const seen = cursor.epoch === welcome.epoch ? cursor.seq : 0;
    return { epoch: welcome.epoch, seq: Math.max(welcome.head, seen) };
  }

  async #maySend(isFresh: boolean, isKept: boolean): Promise<Roster> {
    const roster = await this.#sender.roster(isFresh);
    if (roster.changed.length > 0) throw new KeysChanged(roster.changed, isKept);
    return roster;
  }

  // Sends `first`, or whatever it has to become, until the relay has it.
  async #deliver(first: Outgoing, firstRoster: Roster): Promise<Sent> {
    let [form, roster] = [first, firstRoster];
    for (let attempt = 1; ; attempt += 1) {
      try {
        const after = this.#afterOf(form);
        const options = { id: form.mid, after, ifMembers: roster.version };
        const ack = await this.#client.sendMessage(form.text, options);
        await this.#outbox.stored(form);
        return { id: ack.id, seq: ack.seq, sentAt: ack.sent_at };
      } catch (error) {
        if (error instanceof InvalidFrame) {
          // It never went out, and never can.
          await this.#outbox.drop();
          throw error;
        }
        if (!(error instanceof RelayError)) throw error;
        if (error.code === "id-reused") return await this.#findStored(error);
        if (attempt === TRIES) throw error;
        if (error.code === "members-changed") {
          const refused = roster;
          roster = await this.#maySend(true, true);
          form = await this.#sealedFor(roster, form);
          // The two doors hear of a change one after the other.
          if (roster.version === refused.version) await pause(attempt);
        } else if (error.again) {
          await pause(attempt, error.retryAfterS);
        } else {
          // The relay may say one thing and do another: the link is used up.
          await this.#outbox.stored(form);
          throw error;
        }
      }
    }
  }

  // Which earlier form of the message under way the relay has: of that one it repeats the ack, and
  // any other it refuses.
  async #findStored(refusal: RelayError): Promise<Sent> {
    const [newest, ...others] = await this.#outbox.forms();
    for (const form of others) {
      try {
        const options = { id: form.mid, after: this.#afterOf(form) };
        const ack = await this.#client.sendMessage(form.text, options);
        await this.#outbox.stored(form);
        return { id: ack.id, seq: ack.seq, sentAt: ack.sent_at };
      } catch (error) {
        if (!(error instanceof RelayError) || error.code !== "id-reused") throw error;
      }
    }
    if (newest !== undefined) await this.#outbox.stored(newest);
    throw refusal;
  }

  // In another epoch nothing counts.
  #afterOf(form: Outgoing): number {
    return form.epoch === this.#client.welcome.epoch ? form.after : 0;
  }

  async #seal(
    roster: Roster,
    mid: string,
    link: Link,
    type: string,
    body: string,
    { epoch, seq: after }: Place,
  ): Promise<Outgoing> {
    const { room, username: sender } = this.#sender;
    const pairs = this.#sender.pairs();
    const to = this.#keys(roster);
    const saying = { room, sender, mid, to, link, tsMs: Date.now(), type, body };
    const { text, digest } = await seal(pairs, saying);
    return { mid, text, digest, seq: link.seq, epoch, after };
  }

  // The message of `form` for these members, with the same id and link.
  async #sealedFor(roster: Roster, form: Outgoing): Promise<Outgoing> {
    const { toKids, link, type, body } = await this.#opened(form);
    const kids = new Set(this.#keys(roster).map(({ kid }) => kid));
    if (toKids.length === kids.size && toKids.every((kid) => kids.has(kid))) return form;
    const place = { epoch: form.epoch, seq: form.after };
    const again = await this.#seal(roster, form.mid, link, type, body, place);
    await this.#outbox.put(again);
    return again;
  }

  async #opened(form: Outgoing): Promise<Opened> {
    const { room, username: sender } = this.#sender;
    const pairs = this.#sender.pairs();
    return openEnvelope(form.text, { room, sender, pairs, pin: () => pairs.identity.public });
  }

  #keys(roster: Roster): readonly EncryptionKey[] {
    const [mine] = this.#sender.pairs().encryption;
    if (mine === undefined) throw new TypeError("a person has one key or more");
    const others = readersKeys(roster).filter(({ kid }) => kid !== mine.public.kid);
    return [mine.public, ...others];
  }
}
