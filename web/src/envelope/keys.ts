// Public keys: their kinds, their members, their names.
//
// A key has exactly the members of its kind, each in its only spelling, so that its SHA-256
// thumbprint (RFC 7638) names it: its `kid`. What it is for follows from its kind, never from
// what somebody wrote beside it.

import { calculateJwkThumbprint, importJWK } from "jose";

import { decode } from "./base64url.ts";
import type { Bytes } from "./base64url.ts";
import { Refused } from "./errors.ts";
import { asString, expectMembers } from "./strict.ts";
import type { Json, JsonObject } from "./strict.ts";

export type EncryptionAlg = "RSA-OAEP-256" | "ECDH-ES+A256KW";
export type SignatureAlg = "Ed25519" | "PS256";
export type Alg = EncryptionAlg | SignatureAlg;
export type Kind = "RSA" | "P-256" | "X25519" | "Ed25519";
export type Members = Readonly<Record<string, string>>;

/** A public key as it is used, and as it is written: `members` are those of its kind. */
export interface PublicKey<A extends Alg> {
  readonly kid: string;
  readonly alg: A;
  readonly kind: Kind;
  readonly members: Members;
  readonly key: CryptoKey;
}
export type EncryptionKey = PublicKey<EncryptionAlg>;
export type IdentityKey = PublicKey<SignatureAlg>;

export const PUBLIC_MEMBERS: Readonly<Record<Kind, readonly string[]>> = {
  "RSA": ["kty", "n", "e"],
  "P-256": ["kty", "crv", "x", "y"],
  "X25519": ["kty", "crv", "x"],
  "Ed25519": ["kty", "crv", "x"],
};
const RSA_BYTES = [256, 384, 512];
const RSA_EXPONENT = "AQAB"; // 65537
const COORDINATE_BYTES = 32;
// Of X25519 and Ed25519, whose coordinates have another spelling from here on.
const FIELD = 2n ** 255n - 19n;
const LOW_ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
// The y of the eight points of Ed25519 for which a signature of anything can be made up.
const LOW_ORDERS = [0n, 1n, FIELD - 1n, LOW_ORDER_8, FIELD - LOW_ORDER_8];

/** The key for encryption in `jwk`; throws `Refused("format")` for any other and for private ones. */
export async function readEncryptionKey(jwk: JsonObject): Promise<EncryptionKey> {
  const kind = kindOf(jwk);
  if (kind === "Ed25519") throw new Refused("format");
  const key = await readKey(jwk, kind, kind === "RSA" ? "RSA-OAEP-256" : "ECDH-ES+A256KW");
  if (kind === "X25519") await expectAgreement(key.key);
  return key;
}

/** The key for signatures in `jwk`; throws `Refused("format")` for any other and for private ones. */
export async function readIdentityKey(jwk: JsonObject): Promise<IdentityKey> {
  const kind = kindOf(jwk);
  if (kind !== "RSA" && kind !== "Ed25519") throw new Refused("format");
  const key = await readKey(jwk, kind, kind === "RSA" ? "PS256" : "Ed25519");
  if (kind === "Ed25519" && isLowOrder(decode(key.members["x"] ?? ""))) throw new Refused("format");
  return key;
}

/** Whether `point` is one of the few of Ed25519 that protect nothing. */
export function isLowOrder(point: Bytes): boolean {
  return LOW_ORDERS.includes(withoutSign(point));
}

/** How many bytes what was encrypted or signed with the RSA key of `members` has. */
export function modulusBytes(members: Members): number {
  return decode(members["n"] ?? "").length;
}

/** Which kind of key `jwk` says that it is; throws `Refused("format")` for what we do not take. */
export function kindOf(jwk: JsonObject): Kind {
  const [kty, crv] = [jwk.get("kty"), jwk.get("crv")];
  if (kty === "RSA") return "RSA";
  if (kty === "EC" && crv === "P-256") return crv;
  if (kty === "OKP" && (crv === "X25519" || crv === "Ed25519")) return crv;
  throw new Refused("format");
}

/**
 * The members of `jwk`, a public key of `kind` by its form; throws `Refused("format")`.
 *
 * Whether it is a point of its curve shows when it is imported.
 */
export function publicMembers(jwk: JsonObject, kind: Kind): Members {
  const names = PUBLIC_MEMBERS[kind];
  if (kindOf(jwk) !== kind) throw new Refused("format");
  expectMembers(jwk, names);
  if (kind === "RSA") checkRsa(jwk);
  else names.slice(2).forEach((name) => checkCoordinate(kind, jwk.get(name)));
  return Object.fromEntries(names.map((name) => [name, asString(jwk.get(name))]));
}

/** The key with `members`, public or private; throws `Refused("format")` for what is none. */
export async function imported(
  members: Members,
  alg: Alg,
  isExtractable: boolean,
): Promise<CryptoKey> {
  let key: CryptoKey | Uint8Array;
  try {
    key = await importJWK({ ...members, kty: members["kty"] ?? "" }, alg, {
      extractable: isExtractable,
    });
  } catch {
    throw new Refused("format");
  }
  if (key instanceof Uint8Array) throw new Refused("format");
  return key;
}

async function readKey<A extends Alg>(jwk: JsonObject, kind: Kind, alg: A): Promise<PublicKey<A>> {
  const members = publicMembers(jwk, kind);
  const kid = await calculateJwkThumbprint({ ...members, kty: members["kty"] ?? "" });
  return { kid, alg, kind, members, key: await imported(members, alg, true) };
}

function checkRsa(jwk: JsonObject): void {
  const modulus = decode(asString(jwk.get("n")));
  const hasFirstBit = (modulus.at(0) ?? 0) >= 0x80;
  const isOdd = (modulus.at(-1) ?? 0) % 2 === 1;
  if (!RSA_BYTES.includes(modulus.length) || !hasFirstBit || !isOdd) throw new Refused("format");
  if (jwk.get("e") !== RSA_EXPONENT) throw new Refused("format");
}

function checkCoordinate(kind: Kind, value: Json | undefined): void {
  const bytes = decode(asString(value));
  if (bytes.length !== COORDINATE_BYTES) throw new Refused("format");
  // Libraries take these modulo the field: a key would have a second thumbprint.
  if (kind === "X25519" && littleEndian(bytes) >= FIELD) throw new Refused("format");
  if (kind === "Ed25519" && withoutSign(bytes) >= FIELD) throw new Refused("format");
}

// The y of a point of Ed25519; its highest bit is the sign of x (RFC 8032 §5.1.2).
function withoutSign(point: Bytes): bigint {
  return BigInt.asUintN(255, littleEndian(point));
}

function littleEndian(bytes: Bytes): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

// A few points give zero with every key: whoever put one into their card would keep everybody
// else from sealing.
async function expectAgreement(key: CryptoKey): Promise<void> {
  const own = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  if (!("privateKey" in own)) throw new TypeError("X25519 makes pairs");
  try {
    await crypto.subtle.deriveBits({ name: "X25519", public: key }, own.privateKey, 256);
  } catch {
    throw new Refused("format");
  }
}
