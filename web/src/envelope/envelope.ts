// The outside of an envelope: a JWE in JSON (RFC 7516 §7.2.1), read as a shape alone.
//
// Nothing here is believed yet; `open.ts` says in which order it comes to be.

import { asHash, decode, fromUtf8, sha256, toUtf8 } from "./base64url.ts";
import { Refused } from "./errors.ts";
import { asInteger, asList, asObject, asString, expectMembers, parseObject } from "./strict.ts";
import type { Json, JsonObject } from "./strict.ts";

export const VERSION = 1;
export const ENC = "A256GCM";
export const JWE_TYPE = "ilo-env+jwe";
export const JWS_TYPE = "ilo-msg+jws";
/** What the relay takes as one message. */
export const MAX_BYTES = 256 * 1024;

/** The members of `Bound`. */
export const BOUND = ["v", "room", "from", "mid", "to"] as const;
const MEMBERS = ["protected", "recipients", "iv", "ciphertext", "tag"];
const HEADER = ["enc", "typ", "cty", "ilo"];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** What stands both outside, for the relay and everybody to see, and under the signature. */
export interface Bound {
  readonly v: number;
  readonly room: string;
  readonly from: string;
  readonly mid: string;
  /** Of the recipients' keys: see `hashOfKids`. */
  readonly to: string;
}

/** One of those for whom the content's key is encrypted. */
export interface Recipient {
  readonly kid: string;
  readonly alg: string;
  readonly epk: JsonObject | null;
  readonly encryptedKey: string;
}

/** An envelope whose shape is right. */
export interface Envelope {
  readonly protected: string;
  readonly enc: string;
  readonly bound: Bound;
  /** Of a lone recipient, where the sender put it into the protected header. */
  readonly epk: JsonObject | null;
  readonly recipients: readonly Recipient[];
  readonly iv: string;
  readonly ciphertext: string;
  readonly tag: string;
}

/** The envelope that `text` is; throws `Refused("format")`. */
export function readEnvelope(text: string): Envelope {
  if (toUtf8(text).length > MAX_BYTES) throw new Refused("format");
  const outer = parseObject(text);
  expectMembers(outer, MEMBERS);
  const encodedHeader = asString(outer.get("protected"));
  const header = parseObject(fromUtf8(decode(encodedHeader)));
  const recipients = asList(outer.get("recipients")).map(readRecipient);
  if (recipients.length === 0) throw new Refused("format");
  // RFC 7516 lets a sender protect the header of a lone recipient, and `jose` does by itself.
  const epk = recipients.length === 1 ? header.get("epk") : undefined;
  expectMembers(header, epk === undefined ? HEADER : [...HEADER, "epk"]);
  if (epk !== undefined && recipients.some((one) => one.epk !== null)) throw new Refused("format");
  const enc = asString(header.get("enc"));
  if (header.get("typ") !== JWE_TYPE || header.get("cty") !== JWS_TYPE) throw new Refused("format");
  const ilo = asObject(header.get("ilo"));
  expectMembers(ilo, BOUND);
  const bound = readBound(ilo);
  if (bound.v !== VERSION) throw new Refused("format");
  return {
    protected: encodedHeader,
    enc,
    bound,
    epk: epk === undefined ? null : asObject(epk),
    recipients,
    iv: bytesOf(outer.get("iv"), IV_BYTES),
    ciphertext: bytesOf(outer.get("ciphertext")),
    tag: bytesOf(outer.get("tag"), TAG_BYTES),
  };
}

/** What `to` has to be for these recipients: a hash that knows no order. */
export function hashOfKids(kids: readonly string[]): Promise<string> {
  // Only ASCII stands in them, so that this order is the order of bytes.
  return sha256([...kids].sort().join("\n"));
}

/** The five members of `object` that bind both halves; throws `Refused("format")`. */
export function readBound(object: JsonObject): Bound {
  const mid = asString(object.get("mid"));
  if (!UUID.test(mid)) throw new Refused("format");
  return {
    v: asInteger(object.get("v")),
    room: asString(object.get("room")),
    from: asString(object.get("from")),
    mid,
    to: asHash(object.get("to")),
  };
}

function readRecipient(value: Json): Recipient {
  const recipient = asObject(value);
  expectMembers(recipient, ["header", "encrypted_key"]);
  const header = asObject(recipient.get("header"));
  const epk = header.get("epk");
  expectMembers(header, epk === undefined ? ["alg", "kid"] : ["alg", "kid", "epk"]);
  return {
    kid: asHash(header.get("kid")),
    alg: asString(header.get("alg")),
    epk: epk === undefined ? null : asObject(epk),
    encryptedKey: bytesOf(recipient.get("encrypted_key")),
  };
}

// The spelling of some bytes, as many as are asked for.
function bytesOf(value: Json | undefined, length?: number): string {
  const text = asString(value);
  const bytes = decode(text);
  if (bytes.length === 0 || (length ?? bytes.length) !== bytes.length) throw new Refused("format");
  return text;
}
