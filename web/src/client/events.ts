// What happens in a room, as the page shows it.

import type { Code } from "../envelope/errors.ts";
import type { Warning } from "../envelope/replay.ts";

/** What somebody said; the sender has signed it. `sentAt` is the server's time, RFC 3339. */
export interface Message {
  readonly kind: "message";
  readonly id: string;
  readonly seq: number;
  readonly sender: string;
  readonly sentAt: string;
  readonly text: string;
  readonly isOwn: boolean;
  readonly warnings: readonly Warning[];
}

/** Something that came and cannot be trusted, or cannot be read. */
export interface NotShown {
  readonly kind: "not-shown";
  readonly id: string;
  readonly seq: number;
  readonly sender: string;
  readonly sentAt: string;
  readonly code: Code;
}

/** Messages that cannot be had. */
export interface Gap {
  readonly kind: "gap";
  readonly reason: string;
}

/** Something about a member.
 *
 * `still-listed`: the server lists as a member whom this person has removed; nothing is
 * encrypted for them until they are invited again. */
export interface Change {
  readonly kind: "change";
  readonly what: "joined" | "left" | "removed" | "key-changed" | "still-listed";
  readonly name: string;
}

/** Somebody types, or stopped. Neither signed nor kept: the server's word. */
export interface Typing {
  readonly kind: "typing";
  readonly name: string;
  readonly isTyping: boolean;
}

/** How many are there now. The server's word. */
export interface Presence {
  readonly kind: "presence";
  readonly online: number;
}

/** The members may be others now. */
export interface MembersChanged {
  readonly kind: "members";
}

export type Said = Message | NotShown;
export type RoomEvent = Said | Gap | Change | Typing | Presence | MembersChanged;

/** The server has stored what was sent. */
export interface Sent {
  readonly id: string;
  readonly seq: number;
  readonly sentAt: string;
}
