// The other people: whose key is pinned, which one waits, and what to compare.

import { safetyNumber } from "../envelope/safety.ts";
import { NotAccepted } from "../store/pins.ts";
import type { Person, Pins } from "../store/pins.ts";
import type { Server } from "./server.ts";

/** Everybody, as `username` (whose identity key is `kid`) sees them. */
export class People {
  readonly pins: Pins;
  readonly #server: Server;
  readonly #username: string;
  readonly #kid: () => string;

  constructor(pins: Pins, server: Server, username: string, kid: () => string) {
    this.pins = pins;
    this.#server = server;
    this.#username = username;
    this.#kid = kid;
  }

  /** Who `name` is by the card that the server shows. Nobody is pinned by that.
   *
   * Oneself is `verified`, or `changed` when the server shows another's card. */
  async look(name: string, shown: string): Promise<Person> {
    if (name !== this.#username) return this.pins.look(name, shown);
    const [kid, own] = [await this.pins.kidOf(shown, name), this.#kid()];
    if (kid === own) return { name, state: "verified", kid, newKid: null };
    return { name, state: "changed", kid: own, newKid: kid };
  }

  /** Look somebody up; throws `ServerRefused("user-not-found")` when there is nobody of that name. */
  async person(name: string): Promise<Person> {
    return this.look(name, (await this.#server.user(name)).detail);
  }

  /** Say that the numbers were the same for the key `kid`: whoever is `new` is pinned, a changed key
   * that is `kid` is accepted, and it counts as compared. Throws `NotAccepted`. */
  async verify(name: string, kid: string): Promise<Person> {
    const shown = (await this.#server.user(name)).detail;
    const person = await this.look(name, shown);
    if (person.state === "changed") await this.pins.accept(name, kid);
    else if (person.kid !== kid) throw new NotAccepted();
    if (person.state === "new") await this.pins.see(name, shown);
    return this.pins.verify(name, kid);
  }

  /** Take the key `kid`, which waits, for the right one from now on; nobody has compared it yet. */
  accept(name: string, kid: string): Promise<Person> {
    return this.pins.accept(name, kid);
  }

  /** The 60 digits that both have to see, of the key that `person` had when they were looked up;
   * after a change those of the key that waits. Null: there is no valid key. */
  async numberOf(person: Person): Promise<string | null> {
    const kid = keyToCompare(person);
    if (kid === null) return null;
    const me = { kid: this.#kid(), name: this.#username };
    return safetyNumber(me, { kid, name: person.name });
  }
}

/** The key of `person` that a comparison is about. */
export function keyToCompare(person: Person): string | null {
  return person.state === "changed" ? person.newKid : person.kid;
}
