// Seals what is said in a room: signed by the sender, then encrypted for each recipient.

import { GeneralEncrypt } from "jose";

import { sha256, toUtf8 } from "./base64url.ts";
import { ENC, JWE_TYPE, JWS_TYPE, MAX_BYTES, VERSION, hashOfKids } from "./envelope.ts";
import type { Bound } from "./envelope.ts";
import { readInner, writeInner } from "./inner.ts";
import { signed } from "./jws.ts";
import type { EncryptionKey } from "./keys.ts";
import type { KeyPairs } from "./pairs.ts";
import type { Link } from "./replay.ts";
import { parseObject } from "./strict.ts";

export interface Saying {
  readonly room: string;
  readonly sender: string;
  /** The message's id, a UUID in lower case; the frame that carries the envelope has the same. */
  readonly mid: string;
  /** Who can read it, the sender's own newest key among them; each once. */
  readonly to: readonly EncryptionKey[];
  readonly link: Link;
  /** Milliseconds since 1970. */
  readonly tsMs: number;
  readonly type: string;
  readonly body: string;
}

export interface Sealed {
  readonly text: string;
  /** What the device's next message has as `prev`. */
  readonly digest: string;
}

/**
 * The envelope of `saying`.
 *
 * Throws `RangeError` when nobody or somebody twice is to read it, or it is larger than the relay
 * takes, and `Refused("format")` for what no reader would take.
 */
export async function seal(pairs: KeyPairs, saying: Saying): Promise<Sealed> {
  const kids = saying.to.map((key) => key.kid);
  if (kids.length === 0 || new Set(kids).size !== kids.length) {
    throw new RangeError("an envelope is for one or more keys, each once");
  }
  const { room, sender, mid, link, tsMs, type, body } = saying;
  const bound: Bound = { v: VERSION, room, from: sender, mid, to: await hashOfKids(kids) };
  const payload = writeInner({ bound, tsMs, link, type, body });
  readInner(parseObject(payload));
  const jws = await signed(pairs, { kid: pairs.identity.public.kid, typ: JWS_TYPE }, payload);
  const text = JSON.stringify(await encrypted(jws, bound, saying.to));
  if (toUtf8(text).length > MAX_BYTES) throw new RangeError("the envelope is too large");
  return { text, digest: await sha256(jws) };
}

async function encrypted(jws: string, bound: Bound, to: readonly EncryptionKey[]): Promise<object> {
  const jwe = new GeneralEncrypt(toUtf8(jws)).setProtectedHeader({
    enc: ENC,
    typ: JWE_TYPE,
    cty: JWS_TYPE,
    ilo: bound,
  });
  // For a single recipient `jose` writes `epk` into the protected header: a lone one is added
  // twice, and the second left out again.
  for (const { key, alg, kid } of to.length === 1 ? [...to, ...to] : to) {
    jwe.addRecipient(key).setUnprotectedHeader({ alg, kid });
  }
  const sealed = await jwe.encrypt();
  return { ...sealed, recipients: sealed.recipients.slice(0, to.length) };
}
