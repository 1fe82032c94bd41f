// Runs vectors with copies of the page's half that leave a check out, for tests/client.
//
//   node web/left_out.ts FOLDER        a line of JSON for each line of stdin, a request in JSON
//
// A request is {"copy", "kinds", "first", "others"}: where a copy of web/ lies, which vectors of
// FOLDER are to notice, which of them are tried first ("cards: its name"), and whether the others
// are tried after them. The answer is {"noticed_by"}, the first that goes otherwise, or null.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

import type { Kind, runFile } from "./vectors/verdicts.ts";

interface Line {
  readonly name: string;
  readonly verdict: string;
  readonly output: unknown;
}

interface Case {
  readonly name: string;
  readonly expect: string;
  readonly output?: unknown;
  readonly input: { readonly pairs?: string; readonly pins?: Readonly<Record<string, string>> };
}

interface File {
  readonly keys: Readonly<Record<string, unknown>>;
  readonly cases: readonly Case[];
}

interface Request {
  readonly copy: string;
  readonly kinds: readonly Kind[];
  readonly first: readonly string[];
  readonly others: boolean;
}

/** Thrown at the first surprise: nothing more has to be run. */
class Noticed extends Error {}

// What PBKDF2 gives is reckoned once, for all copies: it is slow on purpose.
function rememberDerived(): void {
  const { subtle } = crypto;
  const [importKey, deriveBits] = [subtle.importKey.bind(subtle), subtle.deriveBits.bind(subtle)];
  const secrets = new WeakMap<object, string>();
  const derived = new Map<string, Promise<ArrayBuffer>>();
  const hex = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString("hex");
  const remembering = async (...given: readonly unknown[]) => {
    const key = await (importKey as (...given: readonly unknown[]) => Promise<object>)(...given);
    if (given[2] === "PBKDF2") secrets.set(key, hex(given[1]));
    return key;
  };
  const deriving = (by: { salt?: unknown; iterations?: number }, key: object, bits: number) => {
    const derive = () => deriveBits(by as Parameters<typeof deriveBits>[0], key as never, bits);
    const secret = secrets.get(key);
    if (secret === undefined) return derive();
    const id = [secret, hex(by.salt), by.iterations, bits].join(" ");
    const found = derived.get(id) ?? derive();
    derived.set(id, found);
    return found;
  };
  Object.assign(subtle, { importKey: remembering, deriveBits: deriving });
}

// What a file has of `only`, and of the keys what that needs: to read a key takes long.
function partOf(file: File, kind: Kind, only: readonly string[]): File {
  const cases = file.cases.filter(({ name }) => only.includes(`${kind}: ${name}`));
  const needed = new Set(cases.flatMap(({ input }) => [input.pairs, ...Object.values(input.pins ?? {})]));
  const keys = Object.entries(file.keys).filter(([name]) => needed.has(name));
  return { keys: Object.fromEntries(keys), cases };
}

async function noticedBy(copy: string, kind: Kind, file: File): Promise<string | null> {
  const program = pathToFileURL(join(copy, "vectors", "verdicts.ts")).href;
  const { runFile: run } = (await import(program)) as { runFile: typeof runFile };
  // Where names and forms matter, those of the file do; the members are compared as text.
  const expected = file.cases.map(({ expect, output }) => JSON.stringify([expect, output ?? null]));
  let at = 0;
  try {
    await run(kind, file as never, (text) => {
      const { name, verdict, output } = JSON.parse(text) as Line;
      if (JSON.stringify([verdict, output]) !== expected[at]) throw new Noticed(name);
      at += 1;
    });
  } catch (error) {
    // A copy that breaks, even over the keys of the file, says no more: that is noticed too.
    const name = error instanceof Noticed ? error.message : file.cases[at]?.name;
    return name === undefined ? null : `${kind}: ${name}`;
  }
  return null;
}

rememberDerived();
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("give a folder of vectors");
const read = (kind: Kind) => JSON.parse(readFileSync(join(folder, `${kind}.json`), "utf8")) as File;
for (const line of (await readAll(process.stdin)).split("\n")) {
  if (line === "") continue;
  const { copy, kinds, first, others } = JSON.parse(line) as Request;
  let noticed: string | null = null;
  for (const kind of kinds) {
    const part = partOf(read(kind), kind, first);
    if (part.cases.length > 0) noticed ??= await noticedBy(copy, kind, part);
  }
  if (others) for (const kind of kinds) noticed ??= await noticedBy(copy, kind, read(kind));
  console.log(JSON.stringify({ noticed_by: noticed }));
}
