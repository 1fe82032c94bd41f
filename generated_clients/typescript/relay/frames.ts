// The frames of Ilo relay 0.1.0, as its contract has them.
//
// What the relay sends is read with `readFrame`: it passes over members and types of frames that this
// version does not know. What a client sends is closed.

import { BrokenFrame, InvalidFrame } from "./errors.ts";
import { Fault, take, type Json, type Shape } from "./shapes.ts";

/** Why a frame is refused; a newer relay may have more of them. */
export type ErrorCode =
  | "bad-frame"
  | "too-big"
  | "rate"
  | "id-reused"
  | "members-changed"
  | "storage-full"
  | "unavailable";

/**
 * The name of a room; one that begins with `~` is private, and its name is made by the server.
 * Case-sensitive.
 */
export type RoomName = string;

export const RoomNameShape: Shape = { kind: "text", pattern: new RegExp("^(~[A-Za-z0-9_-]{22}|[A-Za-z0-9][A-Za-z0-9._-]{0,63})$", "u"), minLength: 1, maxLength: 64 };

/** A user's name as shown, any script and emoji. */
export type Username = string;

const UsernameShape: Shape = { kind: "text", minLength: 1, maxLength: 64, maxBytes: 256 };

/** A UUID of any version (RFC 9562), in lower case. */
export type Uuid = string;

export const UuidShape: Shape = { kind: "text", pattern: new RegExp("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", "u"), minLength: 36, maxLength: 36 };

/** A seq, or 0 for the place before the first message. */
export type Cursor = number;

export const CursorShape: Shape = { kind: "integer", minimum: 0, maximum: 9007199254740991 };

/** The place of a message in its room, from 1, without holes. */
export type Seq = number;

const SeqShape: Shape = { kind: "integer", minimum: 1, maximum: 9007199254740991 };

/** Goes up with every change of a room's members and invitations. */
export type MembersVersion = number;

const MembersVersionShape: Shape = { kind: "integer", minimum: 1, maximum: 9007199254740991 };

/** How many users are connected to the room, those included who left less than ten seconds ago. */
export type Online = number;

const OnlineShape: Shape = { kind: "integer", minimum: 0, maximum: 9007199254740991 };

/** An instant, RFC 3339 in UTC with milliseconds. */
export type Timestamp = string;

const TimestampShape: Shape = { kind: "text", pattern: new RegExp("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$", "u"), minLength: 24, maxLength: 24 };

/** What this relay enforces. Every bound is inclusive; bytes are bytes of UTF-8. */
export interface Limits {
  /** A frame from a client; one byte more closes with 1009. */
  readonly frame_bytes: number;
  /** `data.message` in UTF-8; one more is the error `too-big`. */
  readonly message_bytes: number;
  /** How deep objects and arrays may nest; the frame itself is 1. */
  readonly json_depth: number;
  /** Frames a second from one connection in the long run. */
  readonly frames_per_s: number;
  /** Frames from one connection at once. */
  readonly frames_burst: number;
  /** Messages of one connection that wait for their ack. */
  readonly unacked_messages: number;
  /** One more is refused with 429. */
  readonly connections_per_user_and_room: number;
  /** One more is refused with 429. */
  readonly connections_per_user: number;
  /** A signal's `data` as JSON without white space, in UTF-8; one more is the error `too-big`. */
  readonly signal_bytes: number;
  /** Rooms that a user has joined. */
  readonly rooms_per_user: number;
  /** Invitations of a user that are neither accepted nor declined. */
  readonly invitations_per_user: number;
  /** Members and invited users together. */
  readonly members_per_private_room: number;
  /** Members. */
  readonly members_per_open_room: number;
}

const LimitsShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    frame_bytes: { shape: { kind: "integer", minimum: 1024, maximum: 327680 } },
    message_bytes: { shape: { kind: "integer", minimum: 1, maximum: 262144 } },
    json_depth: { shape: { kind: "integer", minimum: 2, maximum: 32 } },
    frames_per_s: { shape: { kind: "integer", minimum: 1, maximum: 1000000 } },
    frames_burst: { shape: { kind: "integer", minimum: 1, maximum: 1000000 } },
    unacked_messages: { shape: { kind: "integer", minimum: 1, maximum: 65536 } },
    connections_per_user_and_room: { shape: { kind: "integer", minimum: 1, maximum: 1000000 } },
    connections_per_user: { shape: { kind: "integer", minimum: 1, maximum: 1000000 } },
    signal_bytes: { shape: { kind: "integer", minimum: 2, maximum: 4096 } },
    rooms_per_user: { shape: { kind: "integer", minimum: 1, maximum: 1000000 } },
    invitations_per_user: { shape: { kind: "integer", minimum: 1, maximum: 1000000 } },
    members_per_private_room: { shape: { kind: "integer", minimum: 1, maximum: 400 } },
    members_per_open_room: { shape: { kind: "integer", minimum: 1, maximum: 10000 } },
  },
};

/** Where the client is. */
export interface Welcome {
  /** Always `welcome`. */
  readonly type: "welcome";
  /** The room that this connection is in. */
  readonly room: RoomName;
  /** Who the relay takes the client for; the `sender` of what it says. */
  readonly username: Username;
  /** Marks the room's sequence. Another epoch is another sequence. */
  readonly epoch: Uuid;
  /** The newest seq when the client came in. What is new comes after it. */
  readonly head: Cursor;
  /** The oldest kept seq that this member may read, head + 1 if there is none. */
  readonly floor: Seq;
  /** True when `since` was given and everything after it follows. */
  readonly recovered: boolean;
  /** The version of the members that the relay knows. */
  readonly members_version: MembersVersion;
  /** How many users are connected, this one included. */
  readonly online: Online;
  /** When the session ends, and with it the connection (4401). */
  readonly expires_at: Timestamp;
  /** What this relay enforces. */
  readonly limits: Limits;
}

const WelcomeShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    type: { shape: { kind: "text", only: ["welcome"] } },
    room: { shape: RoomNameShape },
    username: { shape: UsernameShape },
    epoch: { shape: UuidShape },
    head: { shape: CursorShape },
    floor: { shape: SeqShape },
    recovered: { shape: { kind: "boolean" } },
    members_version: { shape: MembersVersionShape },
    online: { shape: OnlineShape },
    expires_at: { shape: TimestampShape },
    limits: { shape: LimitsShape },
  },
};

/** What is said. */
export interface MessageData {
  /** Opaque to the relay. May be empty. */
  readonly message: string;
}

const MessageDataShape: Shape = {
  kind: "object",
  closed: true,
  members: {
    message: { shape: { kind: "text", maxLength: 262144, maxBytes: 262144 }, isHidden: true },
  },
};

/** What a member said. The relay vouches for sender, seq and time. */
export interface MessageOut {
  /** Always `message`. */
  readonly type: "message";
  /** A UUID of any version (RFC 9562), in lower case. */
  readonly id: Uuid;
  /** The place of a message in its room, from 1, without holes. */
  readonly seq: Seq;
  /**
   * The name of a room; one that begins with `~` is private, and its name is made by the server.
   * Case-sensitive.
   */
  readonly room: RoomName;
  /** A user's name as shown, any script and emoji. */
  readonly sender: Username;
  /** An instant, RFC 3339 in UTC with milliseconds. */
  readonly sent_at: Timestamp;
  /** What is said. */
  readonly data: MessageData;
}

const MessageOutShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    type: { shape: { kind: "text", only: ["message"] } },
    id: { shape: UuidShape },
    seq: { shape: SeqShape },
    room: { shape: RoomNameShape },
    sender: { shape: UsernameShape },
    sent_at: { shape: TimestampShape },
    data: { shape: MessageDataShape },
  },
};

/**
 * Opaque to the relay. Its JSON, without white space and in UTF-8, has at most
 * `limits.signal_bytes`.
 */
export type SignalData = { readonly [name: string]: Json };

const SignalDataShape: Shape = { kind: "map" };

/** What another user signals. The relay vouches for the sender. */
export interface SignalOut {
  /** Always `signal`. */
  readonly type: "signal";
  /** A user's name as shown, any script and emoji. */
  readonly sender: Username;
  /**
   * Opaque to the relay. Its JSON, without white space and in UTF-8, has at most
   * `limits.signal_bytes`.
   */
  readonly data: SignalData;
}

const SignalOutShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    type: { shape: { kind: "text", only: ["signal"] } },
    sender: { shape: UsernameShape },
    data: { shape: SignalDataShape, isHidden: true },
  },
};

/** Counts a user's public keys from 1 without holes. */
export type KeyVersionNumber = number;

const KeyVersionNumberShape: Shape = { kind: "integer", minimum: 1, maximum: 2147483647 };

/** A change of the members. With `event` it has `username` and `key_version`. */
export interface Member {
  /** Always `member`. */
  readonly type: "member";
  /** What has happened; `key_changed` leaves the members as they are. */
  readonly event?: "joined" | "left" | "removed" | "key_changed" | (string & {});
  /** Whom it is about. */
  readonly username?: Username;
  /** The version of that user's public key now. */
  readonly key_version?: KeyVersionNumber;
  /** The version of the members now. */
  readonly members_version: MembersVersion;
}

const MemberShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    type: { shape: { kind: "text", only: ["member"] } },
    event: { shape: { kind: "text" }, isOptional: true },
    username: { shape: UsernameShape, isOptional: true },
    key_version: { shape: KeyVersionNumberShape, isOptional: true },
    members_version: { shape: MembersVersionShape },
  },
};

/** Who is connected. With `event` it has `username`. */
export interface Presence {
  /** Always `presence`. */
  readonly type: "presence";
  /** What has happened. */
  readonly event?: "online" | "offline" | (string & {});
  /** Who came or is gone. */
  readonly username?: Username;
  /**
   * How many users are connected to the room, those included who left less than ten seconds ago.
   */
  readonly online: Online;
}

const PresenceShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    type: { shape: { kind: "text", only: ["presence"] } },
    event: { shape: { kind: "text" }, isOptional: true },
    username: { shape: UsernameShape, isOptional: true },
    online: { shape: OnlineShape },
  },
};

/** Messages that cannot be had; `to_seq` is below `from_seq` where there are none. */
export interface Gap {
  /** Always `gap`. */
  readonly type: "gap";
  /** The first of them. */
  readonly from_seq: Seq;
  /** The last of them. */
  readonly to_seq: Cursor;
  /**
   * `retention`: not kept any more, or from before the member joined. `epoch`: another sequence,
   * `from_seq` is its floor and `to_seq` its head. `ahead`: the cursor was beyond the head.
   */
  readonly reason: "retention" | "epoch" | "ahead";
}

const GapShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    type: { shape: { kind: "text", only: ["gap"] } },
    from_seq: { shape: SeqShape },
    to_seq: { shape: CursorShape },
    reason: { shape: { kind: "text", only: ["retention", "epoch", "ahead"] } },
  },
};

/** Why a frame is refused. Never carries a value of the frame but its id. */
export interface Failure {
  /** Always `error`. */
  readonly type: "error";
  /**
   * One of `x-error-codes`, which says whether the message is stored and whether to send it again.
   */
  readonly code: ErrorCode | (string & {});
  /** A sentence for people. */
  readonly detail: string;
  /** A UUID of any version (RFC 9562), in lower case. */
  readonly id?: Uuid;
  /** Where in the frame, as a JSON pointer (RFC 6901); of the parent for a missing member. */
  readonly path?: string;
  /**
   * The schema keyword that was not met, with its value; `x-strict-json` with the broken rule for
   * what is no strict JSON.
   */
  readonly expected?: { readonly [name: string]: Json };
  /** The place of that keyword's schema in this document; left out with `x-strict-json`. */
  readonly schema?: string;
  /** When to send it again, in seconds from now. */
  readonly retry_after?: number;
}

const FailureShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    type: { shape: { kind: "text", only: ["error"] } },
    code: { shape: { kind: "text" } },
    detail: { shape: { kind: "text", minLength: 1, maxLength: 1024 } },
    id: { shape: UuidShape, isOptional: true },
    path: { shape: { kind: "text", maxLength: 512 }, isOptional: true },
    expected: { shape: { kind: "map" }, isOptional: true },
    schema: { shape: { kind: "text", maxLength: 512 }, isOptional: true },
    retry_after: { shape: { kind: "number", minimum: 0 }, isOptional: true },
  },
};

/** The line lives. */
export interface Head {
  /** Always `head`. */
  readonly type: "head";
  /** A seq, or 0 for the place before the first message. */
  readonly seq: Cursor;
}

const HeadShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    type: { shape: { kind: "text", only: ["head"] } },
    seq: { shape: CursorShape },
  },
};

/** The message is stored durably. A repeated message gets its first ack again. */
export interface Ack {
  /** Always `ack`. */
  readonly type: "ack";
  /** A UUID of any version (RFC 9562), in lower case. */
  readonly id: Uuid;
  /** The place of a message in its room, from 1, without holes. */
  readonly seq: Seq;
  /** An instant, RFC 3339 in UTC with milliseconds. */
  readonly sent_at: Timestamp;
}

const AckShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    type: { shape: { kind: "text", only: ["ack"] } },
    id: { shape: UuidShape },
    seq: { shape: SeqShape },
    sent_at: { shape: TimestampShape },
  },
};

/** Older messages, at most 512 KiB of them. */
export interface HistoryOut {
  /** Always `history`. */
  readonly type: "history";
  /** That of the question. */
  readonly id: Uuid;
  /** Oldest first; the last is the newest before `before`. */
  readonly messages: readonly MessageOut[];
  /** Older ones exist that this member may read. */
  readonly more: boolean;
}

const HistoryOutShape: Shape = {
  kind: "object",
  closed: false,
  members: {
    type: { shape: { kind: "text", only: ["history"] } },
    id: { shape: UuidShape },
    messages: { shape: { kind: "list", maxItems: 200, items: MessageOutShape } },
    more: { shape: { kind: "boolean" } },
  },
};

/** Something to say in the room. */
export interface MessageIn {
  /** May be left out. */
  readonly type?: "message";
  /**
   * Names the message for good, together with room and sender; the relay makes one when it is left
   * out.
   */
  readonly id?: Uuid;
  /**
   * The newest seq that the client had seen when it first sent this id, 0 for none. With it a
   * repeated message is recognised for as long as it is kept; without it while it is among the
   * room's last 512. It belongs to the epoch of its connection; one beyond the head is no error.
   */
  readonly after?: Cursor;
  /**
   * The `members_version` that the message is encrypted for: with another one it is refused with
   * `members-changed`. As the relay knows it at that moment; what counts is the list of recipients
   * inside.
   */
  readonly if_members?: MembersVersion;
  /** What is said. */
  readonly data: MessageData;
}

export const MessageInShape: Shape = {
  kind: "object",
  closed: true,
  members: {
    type: { shape: { kind: "text", only: ["message"] }, isOptional: true },
    id: { shape: UuidShape, isOptional: true },
    after: { shape: CursorShape, isOptional: true },
    if_members: { shape: MembersVersionShape, isOptional: true },
    data: { shape: MessageDataShape },
  },
};

/** A question for older messages. */
export interface HistoryIn {
  /** Always `history`. */
  readonly type: "history";
  /** The answer has it, too. */
  readonly id: Uuid;
  /** The seq that the newest of the messages is before; left out, the newest ones are meant. */
  readonly before?: Seq;
  /** How many messages at most. */
  readonly limit?: number;
}

export const HistoryInShape: Shape = {
  kind: "object",
  closed: true,
  members: {
    type: { shape: { kind: "text", only: ["history"] } },
    id: { shape: UuidShape },
    before: { shape: SeqShape, isOptional: true },
    limit: { shape: { kind: "integer", minimum: 1, maximum: 200 }, isOptional: true },
  },
};

/** Something that is not kept. */
export interface SignalIn {
  /** Always `signal`. */
  readonly type: "signal";
  /**
   * Opaque to the relay. Its JSON, without white space and in UTF-8, has at most
   * `limits.signal_bytes`.
   */
  readonly data: SignalData;
}

export const SignalInShape: Shape = {
  kind: "object",
  closed: true,
  members: {
    type: { shape: { kind: "text", only: ["signal"] } },
    data: { shape: SignalDataShape, isHidden: true },
  },
};

/** All that the relay sends. */
export type ServerFrame =
  | Welcome
  | MessageOut
  | SignalOut
  | Member
  | Presence
  | Gap
  | Failure
  | Head
  | Ack
  | HistoryOut;

/** What the relay sends by itself, not as an answer. */
export type RelayEvent =
  | Welcome
  | MessageOut
  | SignalOut
  | Member
  | Presence
  | Gap
  | Failure
  | Head;

/** The type of each event. */
const EVENTS: ReadonlySet<string> = new Set<RelayEvent["type"]>([
  "welcome",
  "message",
  "signal",
  "member",
  "presence",
  "gap",
  "error",
  "head",
]);

const SERVER_FRAMES: ReadonlyMap<string, Shape> = new Map([
  ["welcome", WelcomeShape],
  ["message", MessageOutShape],
  ["signal", SignalOutShape],
  ["member", MemberShape],
  ["presence", PresenceShape],
  ["gap", GapShape],
  ["error", FailureShape],
  ["head", HeadShape],
  ["ack", AckShape],
  ["history", HistoryOutShape],
]);

export function isEvent(frame: ServerFrame): frame is RelayEvent {
  return EVENTS.has(frame.type);
}

/**
 * What a frame of the relay says, or null for a type that is not known here. Throws `BrokenFrame`:
 * the relay broke its contract.
 */
export function readFrame(text: unknown): ServerFrame | null {
  if (typeof text !== "string") throw new BrokenFrame("", "the frame is binary");
  const frame = parsed(text);
  const kind =
    typeof frame === "object" && frame !== null && "type" in frame ? frame.type : undefined;
  if (typeof kind !== "string") {
    throw new BrokenFrame("", "the frame is no JSON object with a type");
  }
  const shape = SERVER_FRAMES.get(kind);
  if (shape === undefined) return null;
  try {
    return take(shape, frame, "", false) as ServerFrame;
  } catch (fault) {
    if (fault instanceof Fault) throw new BrokenFrame(fault.place, fault.rule);
    throw fault;
  }
}

/** The value, when it is what the contract allows to be sent. Throws `InvalidFrame`. */
export function valueToSend(shape: Shape, value: unknown, place: string): unknown {
  try {
    return take(shape, value, place, true);
  } catch (fault) {
    if (fault instanceof Fault) throw new InvalidFrame(fault.place, fault.rule);
    throw fault;
  }
}

/** Not thrown from here: the error of the parser may quote the frame. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
