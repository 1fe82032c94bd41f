// Who is in a room, by the server's word, and for whom of them this person encrypts.

import type { EncryptionKey } from "../envelope/keys.ts";
import { encryptionKey } from "../store/pins.ts";
import type { Pin, Pins } from "../store/pins.ts";
import type { WholeRoom } from "./server.ts";

/** The members of one `version` of a room, other than oneself in `pins`. */
export interface Roster {
  readonly version: number;
  readonly members: readonly string[];
  readonly pins: ReadonlyMap<string, Pin>;
  /** They have no valid card. */
  readonly unreachable: readonly string[];
  /** They have another key than the pinned one. */
  readonly changed: readonly string[];
  /** They are listed although this person has removed them. */
  readonly expelled: readonly string[];
}

/** The roster that the server's answer makes, after pinning whoever is new. */
export async function rosterOf(
  room: WholeRoom,
  me: string,
  pins: Pins,
  banned: ReadonlySet<string>,
): Promise<Roster> {
  const joined = room.members.filter(({ state }) => state === "joined");
  const others = joined.filter(({ username }) => username !== me && !banned.has(username));
  const seen = await pins.seeAll(others.map((one) => [one.username, one.public_key] as const));
  const names = (of: readonly { readonly username: string }[]) => of.map((one) => one.username);
  return {
    version: room.members_version,
    members: names(joined),
    pins: seen,
    unreachable: names(others).filter((name) => !seen.has(name)),
    changed: [...seen].filter(([, { person }]) => person.state === "changed").map(([name]) => name),
    expelled: names(joined).filter((name) => banned.has(name)),
  };
}

/** The keys to encrypt with: for everybody who may read, but oneself. */
export function readersKeys(roster: Roster): readonly EncryptionKey[] {
  const keys = [...roster.pins.values()].map(encryptionKey);
  return [...new Map(keys.map((key) => [key.kid, key])).values()];
}

/** The ids of all keys of everybody who may read, by name. */
export function kidsOf(roster: Roster): ReadonlyMap<string, ReadonlySet<string>> {
  const kids = ({ card }: Pin) => new Set(card.encryption.map(({ kid }) => kid));
  return new Map([...roster.pins].map(([name, pin]) => [name, kids(pin)]));
}
