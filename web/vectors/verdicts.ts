// What the page says to the vectors that every client runs.

import { openBackup } from "../src/envelope/backup.ts";
import { readCard } from "../src/envelope/card.ts";
import { Refused } from "../src/envelope/errors.ts";
import type { Code } from "../src/envelope/errors.ts";
import { openEnvelope } from "../src/envelope/open.ts";
import type { Opened } from "../src/envelope/open.ts";
import type { KeyPairs } from "../src/envelope/pairs.ts";
import { judge } from "../src/envelope/replay.ts";
import type { Known, Last, Warning } from "../src/envelope/replay.ts";
import { safetyNumber } from "../src/envelope/safety.ts";
import type { Party } from "../src/envelope/safety.ts";
import { pairsOf } from "./making.ts";

/** Named key pairs of a file of vectors. */
type Keys = ReadonlyMap<string, KeyPairs>;

/** What the page says to a case: "ok" with what it read, or the code of a refusal. */
export interface Report {
  readonly verdict: "ok" | Code;
  readonly warnings: readonly Warning[];
  readonly output: unknown;
}

interface Context {
  readonly room: string;
  readonly sender: string;
  readonly pairs: string;
  readonly pins: Readonly<Record<string, string>>;
}

interface Step {
  readonly text: string;
  readonly epoch: string;
  readonly seq: number;
  readonly live: boolean;
}

interface EnvelopeInput extends Context {
  readonly text: string;
  /** To how many bytes spaces fill the text, where a case is about its size. */
  readonly fill_to?: number;
}

async function envelope(input: EnvelopeInput, keys: Keys): Promise<Report> {
  const spaces = (input.fill_to ?? 0) - new TextEncoder().encode(input.text).length;
  const opened = await opener(input, keys)(input.text + " ".repeat(Math.max(spaces, 0)));
  const { body, type, mid, link, tsMs, digest, toKids } = opened;
  return ok({ body, type, mid, ...link, ts: tsMs, digest, to: toKids });
}

async function card(input: { readonly text: string; readonly username: string }): Promise<Report> {
  const { identity, encryption } = await readCard(input.text, input.username);
  return ok({ identity: identity.kid, encryption: encryption.map((key) => key.kid) });
}

// Remembers as a client does, for the length of a case. The verdict is the first refusal's.
async function sequence(
  input: Context & { readonly steps: readonly Step[] },
  keys: Keys,
): Promise<Report> {
  const open = opener(input, keys);
  const known = new Map<string, Known>();
  const last = new Map<string, Last>();
  const steps: Report[] = [];
  for (const { text, epoch, seq, live } of input.steps) {
    const step = async () => {
      const opened = await open(text);
      const { mid, link } = opened;
      const before = [known.get(mid) ?? null, last.get(link.device) ?? null] as const;
      const verdict = judge(opened, { epoch, seq }, live, ...before);
      known.set(mid, verdict.known);
      if (verdict.last !== null) last.set(link.device, verdict.last);
      return ok(verdict.isRepeat, verdict.warnings);
    };
    steps.push(await refusable(step));
  }
  const refusal = steps.find(({ verdict }) => verdict !== "ok");
  return {
    verdict: refusal?.verdict ?? "ok",
    warnings: [...new Set(steps.flatMap(({ warnings }) => warnings))],
    output: {
      steps: steps.map(({ verdict, warnings, output }) => ({
        ...{ verdict, warnings },
        is_repeat: output === true,
      })),
    },
  };
}

async function backup(input: { readonly text: string; readonly passphrase: string }): Promise<Report> {
  const { username, pairs } = await openBackup(input.text, input.passphrase);
  const { identity, encryption } = pairs;
  return ok({ username, kids: [identity, ...encryption].map((pair) => pair.public.kid) });
}

async function safety(input: { readonly a: Party; readonly b: Party }): Promise<Report> {
  return ok(await safetyNumber(input.a, input.b));
}

function opener(context: Context, keys: Keys): (text: string) => Promise<Opened> {
  const { room, sender } = context;
  const pairs = named(keys, context.pairs);
  const pins = new Map(Object.entries(context.pins));
  const pin = (username: string) => {
    const key = pins.get(username);
    return key === undefined ? null : named(keys, key).identity.public;
  };
  return (text) => openEnvelope(text, { room, sender, pairs, pin });
}

function named(keys: Keys, name: string): KeyPairs {
  const pairs = keys.get(name);
  if (pairs === undefined) throw new Error(`the vectors name no key ${name}`);
  return pairs;
}

function ok(output: unknown, warnings: readonly Warning[] = []): Report {
  return { verdict: "ok", warnings, output };
}

async function refusable(run: () => Promise<Report>): Promise<Report> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { verdict: error.code, warnings: [], output: null };
  }
}

// What a file of vectors holds, one for each kind; `key_files` are for programs with a disk.
export type Kind = "envelopes" | "cards" | "sequences" | "backups" | "safety_numbers";
interface Inputs {
  readonly envelopes: Parameters<typeof envelope>[0];
  readonly cards: Parameters<typeof card>[0];
  readonly sequences: Parameters<typeof sequence>[0];
  readonly backups: Parameters<typeof backup>[0];
  readonly safety_numbers: Parameters<typeof safety>[0];
}
/** A file of vectors, as JSON has it. */
export interface VectorFile<K extends Kind> {
  readonly keys: Readonly<Record<string, unknown>>;
  readonly cases: readonly { readonly name: string; readonly input: Inputs[K] }[];
}

const RUNS: { readonly [K in Kind]: (input: Inputs[K], keys: Keys) => Promise<Report> } = {
  envelopes: envelope,
  cards: card,
  sequences: sequence,
  backups: backup,
  safety_numbers: safety,
};

/** The kinds of vectors, in the order in which they are run. */
export const KINDS = ["envelopes", "cards", "sequences", "backups", "safety_numbers"] as const;

/** Calls `tell` with each case's report, a line of JSON, in the order of `file`. */
export async function runFile<K extends Kind>(
  kind: K,
  file: VectorFile<K>,
  tell: (line: string) => void,
): Promise<void> {
  const keys = new Map<string, KeyPairs>();
  for (const [name, set] of Object.entries(file.keys)) keys.set(name, await pairsOf(set));
  for (const { name, input } of file.cases) {
    const report = await refusable(() => RUNS[kind](input, keys));
    tell(JSON.stringify({ kind, name, ...report }));
  }
}
