// Whose keys are whose: the first card that is seen of somebody is pinned.
//
// Another identity key, or no valid card any more, is a change: it waits until the person accepts it.

import { readCard } from "../envelope/card.ts";
import type { KeyCard } from "../envelope/card.ts";
import { Refused } from "../envelope/errors.ts";
import type { EncryptionKey, IdentityKey } from "../envelope/keys.ts";
import { beginningWith } from "./database.ts";
import type { Database, Step } from "./database.ts";
import type { PinRow } from "./rows.ts";

export type PersonState = "new" | "seen" | "verified" | "changed" | "no-card";

/** Somebody, as far as their key is known. */
export interface Person {
  readonly name: string;
  readonly state: PersonState;
  /** The identity key that is pinned, or that the server shows of somebody who is `new`. */
  readonly kid: string | null;
  /** After a change the one that waits; null when there is no valid one. */
  readonly newKid: string | null;
}

/** What is known of somebody, with the newest card that their pinned key signed. */
export interface Pin {
  readonly person: Person;
  readonly card: KeyCard;
}

/** The key to accept or to verify is not the one that the server shows. */
export class NotAccepted extends Error {
  constructor() {
    super("there is no such key to accept: look again");
    this.name = "NotAccepted";
  }
}

const CACHED_CARDS = 512;

export class Pins {
  readonly #db: Database;
  // A card is read in milliseconds, and looked at for each message: by its text and name.
  readonly #read = new Map<string, KeyCard>();

  constructor(db: Database) {
    this.#db = db;
  }

  async of(username: string): Promise<Pin | null> {
    const row = await this.#db.read(["pins"], (step) => step.get("pins", username));
    return row === null ? null : this.#pin(row);
  }

  async identity(username: string): Promise<IdentityKey | null> {
    return (await this.of(username))?.card.identity ?? null;
  }

  /** The keys that were pinned before, newest first. */
  async former(username: string): Promise<readonly IdentityKey[]> {
    const range = beginningWith(username);
    const rows = await this.#db.read(["formerPins"], (step) => step.all("formerPins", range));
    rows.sort((a, b) => b.givenUpAt - a.givenUpAt);
    return Promise.all(rows.map(async ({ card }) => (await this.#card(card, username)).identity));
  }

  /** Who `username` is by the card that the server shows.
   *
   * Nobody is pinned by that, but a change of somebody who is pinned is kept. */
  async look(username: string, shown: string): Promise<Person> {
    if ((await this.of(username)) !== null) {
      const pin = (await this.seeAll([[username, shown]])).get(username);
      if (pin !== undefined) return pin.person;
    }
    const kid = await this.kidOf(shown, username);
    return { name: username, state: kid === null ? "no-card" : "new", kid, newKid: null };
  }

  /** Take in the card that the server shows; the first one is pinned. Null: it is no valid one,
   * and nobody is pinned by that name. */
  async see(username: string, shown: string): Promise<Pin | null> {
    return (await this.seeAll([[username, shown]])).get(username) ?? null;
  }

  /** Do that for many, in one step; who has neither a pin nor a valid card is left out. */
  async seeAll(
    shown: readonly (readonly [string, string])[],
  ): Promise<ReadonlyMap<string, Pin>> {
    const cards = await Promise.all(
      shown.map(async ([name, text]) => ({ name, text, card: await this.#cardOrNull(text, name) })),
    );
    const rows = await this.#db.write(["pins"], async (step) => {
      const found: PinRow[] = [];
      for (const { name, text, card } of cards) {
        const row = await see(step, name, text, card);
        if (row !== null) found.push(row);
      }
      return found;
    });
    const pins = new Map<string, Pin>();
    for (const row of rows) pins.set(row.username, await this.#pin(row));
    return pins;
  }

  /** Pin the key that waits, if it is `kid`; it is not verified. Throws `NotAccepted`. */
  async accept(username: string, kid: string): Promise<Person> {
    const before = await this.#db.read(["pins"], (step) => step.get("pins", username));
    const waiting = before?.waiting;
    if (!waiting) throw new NotAccepted();
    const card = await this.#card(waiting, username);
    await this.#db.write(["pins", "formerPins"], async (step) => {
      const row = await step.get("pins", username);
      if (row === null || row.waiting !== waiting || row.waitingKid !== kid) throw new NotAccepted();
      await step.put("formerPins", {
        username,
        kid: row.kid,
        card: row.card,
        givenUpAt: Date.now(),
      });
      await step.put("pins", pinned(username, waiting, card));
    });
    return { name: username, state: "seen", kid, newKid: null };
  }

  /** The person has compared the key `kid`, which is pinned. Throws `NotAccepted`. */
  async verify(username: string, kid: string): Promise<Person> {
    await this.#db.write(["pins"], async (step) => {
      const row = await step.get("pins", username);
      if (row === null || row.waiting !== null || row.kid !== kid) throw new NotAccepted();
      await step.put("pins", { ...row, isVerified: true });
    });
    return { name: username, state: "verified", kid, newKid: null };
  }

  /** The id of the identity key on a card; null when it is no valid card of `username`. */
  async kidOf(shown: string, username: string): Promise<string | null> {
    return (await this.#cardOrNull(shown, username))?.identity.kid ?? null;
  }

  async #pin(row: PinRow): Promise<Pin> {
    const known = row.isVerified ? "verified" : "seen";
    const state = row.waiting === null ? known : "changed";
    return {
      person: { name: row.username, state, kid: row.kid, newKid: row.waitingKid },
      card: await this.#card(row.card, row.username),
    };
  }

  async #cardOrNull(text: string, username: string): Promise<KeyCard | null> {
    try {
      return await this.#card(text, username);
    } catch (error) {
      if (error instanceof Refused) return null;
      throw error;
    }
  }

  async #card(text: string, username: string): Promise<KeyCard> {
    const key = JSON.stringify([username, text]);
    const before = this.#read.get(key);
    if (before !== undefined) return before;
    const card = await readCard(text, username);
    if (this.#read.size >= CACHED_CARDS) this.#read.clear();
    this.#read.set(key, card);
    return card;
  }
}

async function see(
  step: Step,
  username: string,
  text: string,
  card: KeyCard | null,
): Promise<PinRow | null> {
  const row = await step.get("pins", username);
  if (row === null && card === null) return null;
  const now = row === null ? pinned(username, text, card as KeyCard) : after(row, text, card);
  if (now !== row) await step.put("pins", now);
  return now;
}

// What is known of somebody who is pinned, after the server showed a card.
function after(row: PinRow, text: string, card: KeyCard | null): PinRow {
  if (card === null) return waiting(row, "", null);
  if (card.identity.kid !== row.kid) return waiting(row, text, card.identity.kid);
  const calm = waiting(row, null, null);
  // An older card of the same key may name an encryption key that was given up.
  if (card.createdAt <= row.createdAt) return calm;
  return { ...calm, card: text, createdAt: card.createdAt };
}

function waiting(row: PinRow, text: string | null, kid: string | null): PinRow {
  if (row.waiting === text && row.waitingKid === kid) return row;
  return { ...row, waiting: text, waitingKid: kid };
}

function pinned(username: string, text: string, card: KeyCard): PinRow {
  return {
    username,
    kid: card.identity.kid,
    card: text,
    createdAt: card.createdAt,
    isVerified: false,
    waiting: null,
    waitingKid: null,
  };
}

/** The key to encrypt with for somebody who is pinned. */
export function encryptionKey(pin: Pin): EncryptionKey {
  const [newest] = pin.card.encryption;
  if (newest === undefined) throw new TypeError("a card has one key or more");
  return newest;
}
