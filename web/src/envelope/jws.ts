// Compact JWS (RFC 7515 §7.1), read strictly: the shape first, the signature when asked.

import { CompactSign, compactVerify } from "jose";

import { decode, fromUtf8, toUtf8 } from "./base64url.ts";
import type { Bytes } from "./base64url.ts";
import { Refused } from "./errors.ts";
import { isLowOrder, modulusBytes } from "./keys.ts";
import type { IdentityKey } from "./keys.ts";
import type { KeyPairs } from "./pairs.ts";
import { parseObject } from "./strict.ts";
import type { JsonObject } from "./strict.ts";

const ED25519_BYTES = 64;
const POINT_BYTES = 32;

/** What stands in a compact JWS; nothing is known of the signature yet, which may be empty. */
export interface Jws {
  readonly text: string;
  readonly header: JsonObject;
  readonly payload: Bytes;
  readonly signature: Bytes;
}

/** The JWS that `text` is; throws `Refused("format")`. */
export function readJws(text: string): Jws {
  const parts = text.split(".");
  const [header, payload, signature] = parts.map(decode);
  if (parts.length !== 3 || !header || !payload || !signature) throw new Refused("format");
  return { text, header: parseObject(fromUtf8(header)), payload, signature };
}

/** What `key` signed; throws `Refused("signature")`, or `Refused("format")` if it is no object. */
export async function verified(jws: Jws, key: IdentityKey): Promise<JsonObject> {
  if (!hasOwnForm(jws.signature, key)) throw new Refused("signature");
  try {
    await compactVerify(jws.text, key.key, { algorithms: [key.alg] });
  } catch {
    throw new Refused("signature");
  }
  return parseObject(fromUtf8(jws.payload));
}

/** A compact JWS over `payload` by the identity key of `pairs`, with `header` beside its `alg`. */
export async function signed(
  pairs: KeyPairs,
  header: Readonly<Record<string, unknown>>,
  payload: string,
): Promise<string> {
  const { alg } = pairs.identity.public;
  return new CompactSign(toUtf8(payload))
    .setProtectedHeader({ alg, ...header })
    .sign(pairs.identity.private);
}

// Whether nobody could have written this signature otherwise: libraries take one of RSA whose
// first zeros are left out, and some of Ed25519 that other libraries refuse.
function hasOwnForm(signature: Bytes, key: IdentityKey): boolean {
  if (key.alg === "PS256") return signature.length === modulusBytes(key.members);
  return signature.length === ED25519_BYTES && !isLowOrder(signature.subarray(0, POINT_BYTES));
}
