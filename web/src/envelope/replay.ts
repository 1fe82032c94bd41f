// What was heard before: the rule alone, over what a client remembers. Keeps nothing itself.

import { Refused } from "./errors.ts";

/** How a device's messages in a room follow each other: `prev` is the digest of the one before. */
export interface Link {
  readonly device: string;
  readonly seq: number;
  readonly prev: string | null;
}

/** Where the relay put a message: its `seq` within an `epoch` of the room. */
export interface Place {
  readonly epoch: string;
  readonly seq: number;
}

/** What is remembered of a message, by (room, sender, mid). */
export interface Known extends Place {
  readonly digest: string;
}

/** What is remembered of a device, by (room, sender, device): its newest live message. */
export interface Last {
  readonly seq: number;
  readonly digest: string;
}

export type Warning = "gap" | "unknown-recipient";

export interface Verdict {
  /** It was shown already: the same message, met again in history or after a restart. */
  readonly isRepeat: boolean;
  readonly warnings: readonly Warning[];
  /** What to remember of the message from now on: the place where it stands now. */
  readonly known: Known;
  /** What to remember of the device from now on. */
  readonly last: Last | null;
}

/** Whether a message that opened is new; throws `Refused("replay")` when it is not what it claims. */
export function judge(
  opened: { readonly digest: string; readonly link: Link },
  place: Place,
  isLive: boolean,
  known: Known | null,
  last: Last | null,
): Verdict {
  const { digest, link } = opened;
  const here = { digest, ...place };
  if (known !== null) {
    const isElsewhere = known.epoch === place.epoch && known.seq !== place.seq;
    if (known.digest !== digest || isElsewhere) throw new Refused("replay");
    return { isRepeat: true, warnings: [], known: here, last };
  }
  if (!isLive) return { isRepeat: false, warnings: [], known: here, last };
  if (last !== null && link.seq <= last.seq) throw new Refused("replay");
  const follows = last === null || (link.seq === last.seq + 1 && link.prev === last.digest);
  const warnings: readonly Warning[] = follows ? [] : ["gap"];
  return { isRepeat: false, warnings, known: here, last: { seq: link.seq, digest } };
}
