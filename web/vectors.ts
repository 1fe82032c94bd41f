// Runs the vectors that every client runs, and makes what other clients open.
//
//   node web/vectors.ts FOLDER                 a line of JSON for each case of each kind
//   node web/vectors.ts seal|card|backup|pairs a line for each line of stdin, a request in JSON
//
// A line is {"kind", "name", "verdict", "warnings", "output"}; the verdict is "ok" or a code.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";

import { Refused } from "./src/envelope/errors.ts";
import { MAKERS } from "./vectors/making.ts";
import { KINDS, runFile } from "./vectors/verdicts.ts";

async function main(words: readonly string[]): Promise<void> {
  const [word] = words;
  if (word === undefined || words.length !== 1) {
    throw new Error(`give a folder of vectors, or one of: ${Object.keys(MAKERS).join(", ")}`);
  }
  const make = MAKERS[word];
  if (make !== undefined) {
    for (const line of (await readAll(process.stdin)).split("\n")) {
      if (line !== "") console.log(JSON.stringify(await made(make(JSON.parse(line) as never))));
    }
    return;
  }
  const files = KINDS.map((kind) => ({ kind, path: join(word, `${kind}.json`) }));
  const found = files.filter(({ path }) => existsSync(path));
  if (found.length === 0) throw new Error(`${word} has no vectors`);
  for (const { kind, path } of found) {
    await runFile(kind, JSON.parse(readFileSync(path, "utf8")), console.log);
  }
}

// Keys that are refused are an answer too.
async function made(making: Promise<unknown>): Promise<unknown> {
  try {
    return await making;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { refused: error.code };
  }
}

await main(process.argv.slice(2));
