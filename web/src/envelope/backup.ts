// Backups: a person's name and keys under a passphrase, in the one form that every client reads.
//
// A compact JWE (RFC 7516) by PBES2 (RFC 7518 §4.8).

import { CompactEncrypt, compactDecrypt } from "jose";

import { decode, fromUtf8, toUtf8 } from "./base64url.ts";
import type { Bytes } from "./base64url.ts";
import { Refused } from "./errors.ts";
import { readKeyPairs, writeKeyPairs } from "./pairs.ts";
import type { KeyPairs } from "./pairs.ts";
import { asInteger, asString, expectMembers, parseObject } from "./strict.ts";

const ALG = "PBES2-HS512+A256KW";
const ENC = "A256GCM";
const TYPE = "ilo-backup+jwe";
const VERSION = 1;
const MAX_BYTES = 1024 * 1024;
const SALT_BYTES = 16;
// Of the parts but the header: key, IV, ciphertext (any), tag.
const PART_BYTES = [40, 12, null, 16];
const ROUNDS = 600_000;
const MIN_ROUNDS = 300_000;
const MAX_ROUNDS = 2_000_000;

export interface Backup {
  readonly username: string;
  readonly pairs: KeyPairs;
}

/** The backup of extractable pairs that `passphrase` opens. Takes about half a second. */
export async function lockBackup({ username, pairs }: Backup, passphrase: string): Promise<string> {
  const content = { v: VERSION, username, keys: await writeKeyPairs(pairs) };
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  return new CompactEncrypt(toUtf8(JSON.stringify(content)))
    .setProtectedHeader({ alg: ALG, enc: ENC, typ: TYPE })
    .setKeyManagementParameters({ p2c: ROUNDS, p2s: salt })
    .encrypt(passphraseBytes(passphrase));
}

/**
 * What `text` keeps; takes as long as `lockBackup`.
 *
 * Throws `Refused`: `format`; `alg`; `cost` when it asks for too few rounds or too many;
 * `passphrase` when it is the wrong one, or the text was altered.
 */
export async function openBackup(
  text: string,
  passphrase: string,
  isExtractable = false,
): Promise<Backup> {
  if (text.length > MAX_BYTES) throw new Refused("format");
  const [header, ...parts] = text.split(".").map(decode);
  if (header === undefined || parts.length !== PART_BYTES.length) throw new Refused("format");
  if (parts.some(({ length }, at) => (PART_BYTES[at] ?? length) !== length)) {
    throw new Refused("format");
  }
  checkHeader(header);
  const secret = passphraseBytes(passphrase);
  let plaintext: Uint8Array;
  try {
    ({ plaintext } = await compactDecrypt(text, secret, {
      keyManagementAlgorithms: [ALG],
      contentEncryptionAlgorithms: [ENC],
      maxPBES2Count: MAX_ROUNDS,
    }));
  } catch {
    throw new Refused("passphrase");
  }
  const content = parseObject(fromUtf8(plaintext));
  expectMembers(content, ["v", "username", "keys"]);
  if (content.get("v") !== VERSION) throw new Refused("format");
  const username = asString(content.get("username"));
  return { username, pairs: await readKeyPairs(content.get("keys") ?? null, isExtractable) };
}

function checkHeader(bytes: Bytes): void {
  const header = parseObject(fromUtf8(bytes));
  expectMembers(header, ["alg", "enc", "typ", "p2s", "p2c"]);
  const salt = decode(asString(header.get("p2s")));
  const rounds = asInteger(header.get("p2c"));
  const [alg, enc] = [asString(header.get("alg")), asString(header.get("enc"))];
  if (header.get("typ") !== TYPE || salt.length !== SALT_BYTES) throw new Refused("format");
  if (alg !== ALG || enc !== ENC) throw new Refused("alg");
  if (rounds < MIN_ROUNDS || rounds > MAX_ROUNDS) throw new Refused("cost");
}

// In one form (NFC), whichever keyboard it was typed on.
function passphraseBytes(passphrase: string): Bytes {
  if (passphrase === "" || !passphrase.isWellFormed()) throw new Refused("passphrase");
  return toUtf8(passphrase.normalize("NFC"));
}
