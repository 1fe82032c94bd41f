// Safety numbers: what two people read to each other, to know that nobody is between them.

import { toUtf8 } from "./base64url.ts";

const SALT = toUtf8("ilo-safety-v1");
const ROUNDS = 100_000;
const GROUPS = 6;
const GROUP_BYTES = 5;

/** One of the two whom a safety number is about: the thumbprint of their identity key, their name. */
export interface Party {
  readonly kid: string;
  readonly name: string;
}

/** The 60 digits that both see, whoever asks. */
export async function safetyNumber(a: Party, b: Party): Promise<string> {
  const halves = [await half(a), await half(b)];
  return halves.sort().join("");
}

/** `digits` in groups of five, for people. */
export function spaced(digits: string): string {
  return (digits.match(/.{1,5}/g) ?? []).join(" ");
}

async function half(party: Party): Promise<string> {
  const secret = toUtf8(party.kid + party.name);
  const key = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-512", salt: SALT, iterations: ROUNDS },
    key,
    GROUPS * GROUP_BYTES * 8,
  );
  const bytes = new Uint8Array(bits);
  let digits = "";
  for (let start = 0; start < bytes.length; start += GROUP_BYTES) {
    // 40 bits: a double holds them.
    const number = bytes.subarray(start, start + GROUP_BYTES).reduce((sum, byte) => sum * 256 + byte, 0);
    digits += String(number % 100_000).padStart(5, "0");
  }
  return digits;
}
