// Measures what seal and open cost here, for benchmarks/envelope.py.
//
//   node web/envelope_costs.ts         a line of JSON for each line of stdin, a request in JSON
//
// A request is {"pairs", "to", "seconds"}: who seals, for which public keys, and how long to
// try; the first of `to` is the sealer's own. The answer has the least ms of each.

import { performance } from "node:perf_hooks";
import { text as readAll } from "node:stream/consumers";

import { readEncryptionKey } from "./src/envelope/keys.ts";
import type { EncryptionKey } from "./src/envelope/keys.ts";
import { openEnvelope } from "./src/envelope/open.ts";
import { seal } from "./src/envelope/seal.ts";
import { asObject, parseJson } from "./src/envelope/strict.ts";
import { pairsOf } from "./vectors/making.ts";

const ROOM = "~Q7vM0mXvT1uJ3bY5kD8e2w";
const SENDER = "alice";
const LEAST_TRIES = 5;

interface Request {
  readonly pairs: unknown;
  readonly to: readonly unknown[];
  readonly seconds: number;
}

async function leastMs(run: () => Promise<unknown>, seconds: number): Promise<number> {
  let least = Infinity;
  const end = performance.now() + seconds * 1000;
  for (let tries = 0; tries < LEAST_TRIES || performance.now() < end; tries += 1) {
    const start = performance.now();
    await run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

async function measured({ pairs: set, to: jwks, seconds }: Request): Promise<object> {
  const pairs = await pairsOf(set);
  const to: EncryptionKey[] = [];
  for (const jwk of jwks) to.push(await readEncryptionKey(asObject(parseJson(JSON.stringify(jwk)))));
  const saying = {
    room: ROOM,
    sender: SENDER,
    mid: "0b8f1c9e-6f0e-4a55-9d6b-2f0c7f5f1a11",
    to,
    link: { device: "laptop-1", seq: 1, prev: null },
    tsMs: 1_764_000_000_000,
    type: "text/plain",
    body: "Saluton, mondo!",
  };
  const { text } = await seal(pairs, saying);
  const pin = () => pairs.identity.public;
  return {
    seal_ms: await leastMs(() => seal(pairs, saying), seconds),
    open_ms: await leastMs(
      () => openEnvelope(text, { room: ROOM, sender: SENDER, pairs, pin }),
      seconds,
    ),
  };
}

for (const line of (await readAll(process.stdin)).split("\n")) {
  if (line !== "") console.log(JSON.stringify(await measured(JSON.parse(line) as Request)));
}
