// A person's own keys: one to sign with, and one or more to decrypt with.

import { exportJWK, generateKeyPair } from "jose";

import { decode } from "./base64url.ts";
import { Refused } from "./errors.ts";
import { PUBLIC_MEMBERS, imported, kindOf, readEncryptionKey, readIdentityKey } from "./keys.ts";
import type { Alg, EncryptionAlg, Kind, Members, PublicKey, SignatureAlg } from "./keys.ts";
import { asList, asObject, asString, expectMembers } from "./strict.ts";
import type { Json, JsonObject } from "./strict.ts";

/** A public key with its private half, which the browser keeps to itself unless it is extractable. */
export interface Pair<A extends Alg> {
  readonly public: PublicKey<A>;
  readonly private: CryptoKey;
}

/** All keys of one person; those to decrypt with newest first. Old ones open old messages. */
export interface KeyPairs {
  readonly identity: Pair<SignatureAlg>;
  readonly encryption: readonly Pair<EncryptionAlg>[];
}

const PRIVATE_MEMBERS: Readonly<Record<Kind, readonly string[]>> = {
  "RSA": ["d", "p", "q", "dp", "dq", "qi"],
  "P-256": ["d"],
  "X25519": ["d"],
  "Ed25519": ["d"],
};
const RSA_BITS = 3072;

/** New pairs, extractable, so that they can be backed up: Ed25519 and RSA-3072. Takes seconds. */
export async function makeKeyPairs(): Promise<KeyPairs> {
  const { publicKey, privateKey } = await generateKeyPair("Ed25519", { extractable: true });
  const members = new Map(Object.entries(await written(publicKey)));
  return {
    identity: { public: await readIdentityKey(members), private: privateKey },
    encryption: [await makeEncryptionPair()],
  };
}

/** Extractable `pairs` with one more to decrypt with, which is the newest. Takes seconds. */
export async function withNewEncryptionKey({ identity, encryption }: KeyPairs): Promise<KeyPairs> {
  return { identity, encryption: [await makeEncryptionPair(), ...encryption] };
}

async function makeEncryptionPair(): Promise<Pair<EncryptionAlg>> {
  const options = { extractable: true, modulusLength: RSA_BITS };
  const { publicKey, privateKey } = await generateKeyPair("RSA-OAEP-256", options);
  const members = new Map(Object.entries(await written(publicKey)));
  return { public: await readEncryptionKey(members), private: privateKey };
}

/** The private JWKs of extractable `pairs`, the identity first: a secret. */
export async function writeKeyPairs(pairs: KeyPairs): Promise<readonly Members[]> {
  const jwks = [{ use: "sig", ...(await written(pairs.identity.private)) }];
  for (const pair of pairs.encryption) {
    jwks.push({ use: "enc", ...(await written(pair.private)) });
  }
  return jwks;
}

/** The pairs that `writeKeyPairs` gave; throws `Refused("format")`. */
export async function readKeyPairs(jwks: Json, isExtractable = false): Promise<KeyPairs> {
  const [first, ...others] = asList(jwks).map(asObject);
  if (first === undefined || others.length === 0) throw new Refused("format");
  const [own, secret] = halves(first, "sig");
  const identity = await paired(await readIdentityKey(own), secret, isExtractable);
  const encryption: Pair<EncryptionAlg>[] = [];
  for (const other of others) {
    const [publicHalf, privateHalf] = halves(other, "enc");
    encryption.push(await paired(await readEncryptionKey(publicHalf), privateHalf, isExtractable));
  }
  const kids = new Set(encryption.map((pair) => pair.public.kid));
  if (kids.size !== encryption.length) throw new Refused("format");
  return { identity, encryption };
}

async function written(key: CryptoKey): Promise<Members> {
  const jwk = new Map(Object.entries(await exportJWK(key)));
  const members: Record<string, string> = {};
  for (const [name, value] of jwk) if (typeof value === "string") members[name] = value;
  return members;
}

function halves(jwk: JsonObject, use: string): [JsonObject, Members] {
  const kind = kindOf(jwk);
  const [publicNames, privateNames] = [PUBLIC_MEMBERS[kind], PRIVATE_MEMBERS[kind]];
  expectMembers(jwk, ["use", ...publicNames, ...privateNames]);
  if (jwk.get("use") !== use) throw new Refused("format");
  const secret = privateNames.map((name): [string, string] => [name, asString(jwk.get(name))]);
  secret.forEach(([, value]) => decode(value));
  return [new Map([...jwk].filter(([name]) => publicNames.includes(name))), Object.fromEntries(secret)];
}

async function paired<A extends Alg>(
  key: PublicKey<A>,
  secret: Members,
  isExtractable: boolean,
): Promise<Pair<A>> {
  const jwk = { ...key.members, ...secret };
  // Of curves the import says whether the halves belong together.
  if (key.kind === "RSA") checkRsaHalves(jwk);
  return { public: key, private: await imported(jwk, key.alg, isExtractable) };
}

// Some engines import an RSA key with private members of another one, and others do not.
function checkRsaHalves(jwk: Members): void {
  const value = (name: string) => {
    const hex = Array.from(decode(jwk[name] ?? ""), (byte) => byte.toString(16).padStart(2, "0"));
    return BigInt(`0x0${hex.join("")}`);
  };
  const [n, e, d, p, q] = [value("n"), value("e"), value("d"), value("p"), value("q")];
  if (p < 2n || q < 2n || p * q !== n) throw new Refused("format");
  const [ofP, ofQ] = [p - 1n, q - 1n];
  const isConsistent =
    (e * d) % ofP === 1n &&
    (e * d) % ofQ === 1n &&
    value("dp") === d % ofP &&
    value("dq") === d % ofQ &&
    (value("qi") * q) % p === 1n;
  if (!isConsistent) throw new Refused("format");
}
