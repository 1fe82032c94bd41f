// Makes what other clients are to open: envelopes, cards and backups.
//
// Each request holds the maker's private keys as `pairs`, a JWK Set; that for new ones is empty.

import { lockBackup } from "../src/envelope/backup.ts";
import { makeCard } from "../src/envelope/card.ts";
import { readEncryptionKey } from "../src/envelope/keys.ts";
import type { EncryptionKey } from "../src/envelope/keys.ts";
import { makeKeyPairs, readKeyPairs, writeKeyPairs } from "../src/envelope/pairs.ts";
import type { KeyPairs } from "../src/envelope/pairs.ts";
import type { Link } from "../src/envelope/replay.ts";
import { seal } from "../src/envelope/seal.ts";
import { asObject, parseJson } from "../src/envelope/strict.ts";

interface SealRequest extends Link {
  readonly pairs: unknown;
  readonly room: string;
  readonly sender: string;
  readonly mid: string;
  readonly to: readonly unknown[];
  readonly ts: number;
  readonly type: string;
  readonly body: string;
}

async function makeSealed(request: SealRequest): Promise<unknown> {
  const { room, sender, mid, device, seq, prev, ts: tsMs, type, body } = request;
  const to: EncryptionKey[] = [];
  for (const jwk of request.to) {
    to.push(await readEncryptionKey(asObject(parseJson(JSON.stringify(jwk)))));
  }
  const link = { device, seq, prev };
  return seal(await pairsOf(request.pairs), { room, sender, mid, to, link, tsMs, type, body });
}

interface CardRequest {
  readonly pairs: unknown;
  readonly username: string;
  readonly created_at: number;
  readonly previous: string | null;
}

async function makeOwnCard(request: CardRequest): Promise<unknown> {
  const { username, created_at: createdAt, previous } = request;
  return { text: await makeCard(await pairsOf(request.pairs), username, createdAt, previous) };
}

interface BackupRequest {
  readonly pairs: unknown;
  readonly username: string;
  readonly passphrase: string;
}

async function makeBackup({ pairs, username, passphrase }: BackupRequest): Promise<unknown> {
  return { text: await lockBackup({ username, pairs: await pairsOf(pairs) }, passphrase) };
}

async function makeNewPairs(): Promise<unknown> {
  return { keys: await writeKeyPairs(await makeKeyPairs()) };
}

/** The key pairs of a JWK Set that `JSON.parse` has read. */
export async function pairsOf(set: unknown): Promise<KeyPairs> {
  return readKeyPairs(asObject(parseJson(JSON.stringify(set))).get("keys") ?? null, true);
}

/** By its name: what makes the answer to a request. */
export const MAKERS: Readonly<Record<string, (request: never) => Promise<unknown>>> = {
  seal: makeSealed,
  card: makeOwnCard,
  backup: makeBackup,
  pairs: makeNewPairs,
};
