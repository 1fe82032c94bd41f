// What the browser keeps of one person, table by table: the shapes alone.

import type { Members } from "../envelope/keys.ts";
import type { Warning } from "../envelope/replay.ts";

/** Anything that there is one of, by its name. */
export interface NoteRow {
  readonly name: string;
  readonly value: unknown;
}

/** Whose identity key is whose: `card` is the newest that the pinned key `kid` signed. */
export interface PinRow {
  readonly username: string;
  readonly kid: string;
  readonly card: string;
  readonly createdAt: number;
  readonly isVerified: boolean;
  /** The card that waits to be accepted; "" when there is no valid one; null when nothing changed. */
  readonly waiting: string | null;
  readonly waitingKid: string | null;
}

export interface FormerPinRow {
  readonly username: string;
  readonly kid: string;
  readonly card: string;
  readonly givenUpAt: number;
}

/** A message that was received. `at` orders the rows as they came. */
export interface KnownRow {
  readonly room: string;
  readonly sender: string;
  readonly mid: string;
  readonly digest: string;
  readonly epoch: string;
  readonly seq: number;
  readonly warnings: readonly Warning[];
  readonly isTaken: boolean;
  readonly at: number;
}

export interface DeviceRow {
  readonly room: string;
  readonly sender: string;
  readonly device: string;
  readonly seq: number;
  readonly digest: string;
  readonly isGapTold: boolean;
  readonly at: number;
}

/** A key that can read a room, and from which place on its owner is no member any more. */
export interface ReaderRow {
  readonly room: string;
  readonly kid: string;
  readonly username: string;
  readonly gone: { readonly epoch: string; readonly seq: number } | null;
}

/** The last message of this browser that the relay has. */
export interface LinkRow {
  readonly room: string;
  readonly seq: number;
  readonly digest: string;
}

/** A form of the message under way, sealed. `after` is the newest seq of `epoch` when it was made. */
export interface OutgoingRow {
  readonly room: string;
  readonly attempt: number;
  readonly mid: string;
  readonly text: string;
  readonly digest: string;
  readonly seq: number;
  readonly epoch: string;
  readonly after: number;
}

export interface CursorRow {
  readonly room: string;
  readonly epoch: string;
  readonly seq: number;
}

/** What this person calls a room. */
export interface LabelRow {
  readonly room: string;
  readonly label: string;
}

export interface ExpelledRow {
  readonly room: string;
  readonly username: string;
}

/** A pair of keys at rest: the private half is a handle that the browser does not give out. */
export interface KeptPair {
  readonly members: Members;
  readonly private: CryptoKey;
}

export interface Rows {
  readonly notes: NoteRow;
  readonly pins: PinRow;
  readonly formerPins: FormerPinRow;
  readonly known: KnownRow;
  readonly devices: DeviceRow;
  readonly readers: ReaderRow;
  readonly links: LinkRow;
  readonly outbox: OutgoingRow;
  readonly cursors: CursorRow;
  readonly labels: LabelRow;
  readonly expelled: ExpelledRow;
}

export type Table = keyof Rows;

/** What names a row of each table. */
export const KEYS: { readonly [T in Table]: string | string[] } = {
  notes: "name",
  pins: "username",
  formerPins: ["username", "kid"],
  known: ["room", "sender", "mid"],
  devices: ["room", "sender", "device"],
  readers: ["room", "kid"],
  links: "room",
  outbox: ["room", "attempt"],
  cursors: "room",
  labels: "room",
  expelled: ["room", "username"],
};

/** The index `place` of `known`. */
export const PLACE = ["room", "epoch", "seq"];
