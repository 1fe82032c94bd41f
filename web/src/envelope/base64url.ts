// Base64url without padding (RFC 4648 §5), where each value has exactly one spelling.

import { base64url } from "jose";

import { Refused } from "./errors.ts";
import { asString } from "./strict.ts";
import type { Json } from "./strict.ts";

const HASH_BYTES = 32;
const ALPHABET = /^[A-Za-z0-9_-]*$/;
// A byte order mark is kept, for the JSON scanner to refuse.
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

export type Bytes = Uint8Array<ArrayBuffer>;

/** The bytes that `text` spells; throws `Refused("format")` for any other spelling than ours. */
export function decode(text: string): Bytes {
  if (!ALPHABET.test(text) || text.length % 4 === 1) throw new Refused("format");
  const bytes = new Uint8Array(base64url.decode(text));
  // The last character may carry bits that belong to no byte.
  if (base64url.encode(bytes) !== text) throw new Refused("format");
  return bytes;
}

export function encode(bytes: Uint8Array): string {
  return base64url.encode(bytes);
}

/** The text that `bytes` are in UTF-8; throws `Refused("format")` when they are none. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new Refused("format");
  }
}

/** `text` in UTF-8; throws `Refused("format")` for a lone surrogate, which has no bytes. */
export function toUtf8(text: string): Bytes {
  if (!text.isWellFormed()) throw new Refused("format");
  return ENCODER.encode(text);
}

/** SHA-256 of `text` in UTF-8, as base64url: 43 characters. */
export async function sha256(text: string): Promise<string> {
  return encode(new Uint8Array(await crypto.subtle.digest("SHA-256", toUtf8(text))));
}

/** `value` if it spells 32 bytes, as a thumbprint or a digest does; else throws `Refused("format")`. */
export function asHash(value: Json | undefined): string {
  const text = asString(value);
  if (decode(text).length !== HASH_BYTES) throw new Refused("format");
  return text;
}

/** What `asHash` does, or null where `value` is null. */
export function asHashOrNull(value: Json | undefined): string | null {
  return value === null ? null : asHash(value);
}
