// Key cards: the `public_key` that a person uploads, signed by who they are.

import { asHashOrNull, toUtf8 } from "./base64url.ts";
import { Refused } from "./errors.ts";
import { readJws, signed, verified } from "./jws.ts";
import { readEncryptionKey, readIdentityKey } from "./keys.ts";
import type { EncryptionKey, IdentityKey } from "./keys.ts";
import type { KeyPairs } from "./pairs.ts";
import { asInteger, asList, asObject, asString, expectMembers } from "./strict.ts";
import type { Json } from "./strict.ts";

const TYPE = "ilo-card+jws";
const VERSION = 1;
const MAX_BYTES = 16 * 1024;
const MAX_KEYS = 8;

export interface KeyCard {
  readonly username: string;
  readonly identity: IdentityKey;
  /** Newest first, 1 to 8; messages are encrypted for the first. */
  readonly encryption: readonly EncryptionKey[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** The thumbprint of the identity key before this one; null for the first. */
  readonly previous: string | null;
}

/** The card of `username` with the newest public halves of `pairs`. */
export async function makeCard(
  pairs: KeyPairs,
  username: string,
  createdAtMs: number,
  previous: string | null,
): Promise<string> {
  const payload = JSON.stringify({
    v: VERSION,
    username,
    keys: pairs.encryption.slice(0, MAX_KEYS).map((pair) => pair.public.members),
    created_at: createdAtMs,
    previous,
  });
  return signed(pairs, { typ: TYPE, jwk: pairs.identity.public.members }, payload);
}

/**
 * The card in `text`, which the server says is of `username`.
 *
 * Throws `Refused`: `format`, `alg`, `signature`, `sender` (of somebody else). That the card's
 * identity key is the one that was seen before is for the caller to know.
 */
export async function readCard(text: string, username: string): Promise<KeyCard> {
  if (toUtf8(text).length > MAX_BYTES) throw new Refused("format");
  const jws = readJws(text);
  expectMembers(jws.header, ["alg", "typ", "jwk"]);
  const alg = asString(jws.header.get("alg"));
  if (jws.header.get("typ") !== TYPE) throw new Refused("format");
  const identity = await readIdentityKey(asObject(jws.header.get("jwk")));
  if (alg !== identity.alg) throw new Refused("alg");
  const payload = await verified(jws, identity);

  expectMembers(payload, ["v", "username", "keys", "created_at", "previous"]);
  if (payload.get("v") !== VERSION) throw new Refused("format");
  const named = asString(payload.get("username"));
  const createdAt = asInteger(payload.get("created_at"));
  const previous = asHashOrNull(payload.get("previous"));
  if (named !== username) throw new Refused("sender");
  return { username, identity, encryption: await readKeys(payload.get("keys")), createdAt, previous };
}

async function readKeys(value: Json | undefined): Promise<readonly EncryptionKey[]> {
  const jwks = asList(value);
  if (jwks.length < 1 || jwks.length > MAX_KEYS) throw new Refused("format");
  const encryption: EncryptionKey[] = [];
  for (const jwk of jwks) encryption.push(await readEncryptionKey(asObject(jwk)));
  if (new Set(encryption.map((key) => key.kid)).size !== encryption.length) {
    throw new Refused("format");
  }
  return encryption;
}
