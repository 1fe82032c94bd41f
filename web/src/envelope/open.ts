// Opens an envelope, check by check; each refusal has its code.
//
// The order is part of the protocol: every client gives the same code to the same envelope.

import { flattenedDecrypt } from "jose";

import { asHash, decode, fromUtf8, sha256 } from "./base64url.ts";
import { BOUND, ENC, JWS_TYPE, hashOfKids, readEnvelope } from "./envelope.ts";
import type { Envelope, Recipient } from "./envelope.ts";
import { Refused } from "./errors.ts";
import { readInner } from "./inner.ts";
import { readJws, verified } from "./jws.ts";
import { modulusBytes, publicMembers } from "./keys.ts";
import type { EncryptionAlg, EncryptionKey, IdentityKey, Members } from "./keys.ts";
import type { KeyPairs, Pair } from "./pairs.ts";
import type { Link } from "./replay.ts";
import { asString, expectMembers } from "./strict.ts";
import type { JsonObject } from "./strict.ts";

// Of a key of 32 bytes under A256KW.
const WRAPPED_KEY_BYTES = 40;

/** Where an envelope came from, as the server says, and what the reader knows. */
export interface Reading {
  readonly room: string;
  readonly sender: string;
  readonly pairs: KeyPairs;
  /** The identity key that is known of a name; null for nobody's. */
  readonly pin: (username: string) => IdentityKey | null;
}

/** A message that passed every check but that of `replay.ts`. */
export interface Opened {
  readonly room: string;
  readonly sender: string;
  readonly mid: string;
  /** The keys that can read it, in the envelope's order. */
  readonly toKids: readonly string[];
  readonly link: Link;
  /** Milliseconds since 1970, by the sender's clock. */
  readonly tsMs: number;
  readonly type: string;
  readonly body: string;
  /** Names the signed message: the `prev` of the device's next one. */
  readonly digest: string;
}

/** What `text` says; throws `Refused` with the code of the first check that does not hold. */
export async function openEnvelope(text: string, reading: Reading): Promise<Opened> {
  const envelope = readEnvelope(text);
  const outer = envelope.bound;
  if (envelope.enc !== ENC) throw new Refused("alg");
  if (outer.room !== reading.room) throw new Refused("room");
  if (outer.from !== reading.sender) throw new Refused("sender");
  const toKids = envelope.recipients.map((recipient) => recipient.kid);
  if (new Set(toKids).size !== toKids.length) throw new Refused("recipients");
  if ((await hashOfKids(toKids)) !== outer.to) throw new Refused("recipients");
  const [recipient, pair] = ownRecipient(envelope, reading.pairs);
  const plaintext = await decrypted(envelope, recipient, pair);
  const pinned = reading.pin(reading.sender);
  if (pinned === null) throw new Refused("unpinned");
  const jws = fromUtf8(plaintext);
  const { bound, ...inner } = readInner(await signedPayload(jws, pinned));
  if (BOUND.some((name) => bound[name] !== outer[name])) throw new Refused("binding");
  const { room, from: sender, mid } = bound;
  return { room, sender, mid, toKids, ...inner, digest: await sha256(jws) };
}

function ownRecipient(envelope: Envelope, pairs: KeyPairs): [Recipient, Pair<EncryptionAlg>] {
  for (const recipient of envelope.recipients) {
    const pair = pairs.encryption.find(({ public: { kid } }) => kid === recipient.kid);
    if (pair !== undefined) return [recipient, pair];
  }
  throw new Refused("not-for-me");
}

// Only the own entry is tried, with the algorithm of the own key.
async function decrypted(
  { protected: encodedHeader, epk: protectedEpk, iv, ciphertext, tag }: Envelope,
  { alg, kid, epk, encryptedKey }: Recipient,
  { public: key, private: secret }: Pair<EncryptionAlg>,
): Promise<Uint8Array> {
  const point = epk ?? protectedEpk;
  if (alg !== key.alg || (point !== null) !== (alg === "ECDH-ES+A256KW")) throw new Refused("alg");
  const ephemeral = point === null ? null : publicEphemeral(point, key);
  // Some libraries take a key of RSA whose first zeros are left out, and some do not.
  const bytes = key.kind === "RSA" ? modulusBytes(key.members) : WRAPPED_KEY_BYTES;
  if (decode(encryptedKey).length !== bytes) throw new Refused("decrypt");
  const header = epk === null ? { alg, kid } : { alg, kid, epk: ephemeral };
  try {
    const { plaintext } = await flattenedDecrypt(
      { protected: encodedHeader, header, encrypted_key: encryptedKey, iv, ciphertext, tag },
      secret,
      { keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: [ENC] },
    );
    return plaintext;
  } catch {
    throw new Refused("decrypt");
  }
}

// Whether it is a point that can be used shows when it is used.
function publicEphemeral(epk: JsonObject, key: EncryptionKey): Members {
  try {
    return publicMembers(epk, key.kind);
  } catch {
    throw new Refused("alg");
  }
}

async function signedPayload(text: string, pinned: IdentityKey): Promise<JsonObject> {
  const jws = readJws(text);
  expectMembers(jws.header, ["alg", "kid", "typ"]);
  if (jws.header.get("typ") !== JWS_TYPE) throw new Refused("format");
  const [alg, kid] = [asString(jws.header.get("alg")), asHash(jws.header.get("kid"))];
  if (kid !== pinned.kid) throw new Refused("key-changed");
  if (alg !== pinned.alg) throw new Refused("alg");
  return verified(jws, pinned);
}
