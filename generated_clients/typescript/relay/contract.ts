// What the contract says of a connection: where it goes, how it is refused, how it ends.

/** The version of the contract. */
export const VERSION = "0.1.0";

export const ADDRESS = "/ws/{room}";
export const SUBPROTOCOLS: readonly string[] = ["ilo.v1"];
/** What stands before a ticket among the subprotocols. */
export const TICKET_PREFIX = "ilo.ticket.";

/** What became of a refused frame. */
export type Stored = "no" | "unknown";

/** A way the relay ends a connection. */
export interface CloseCode {
  readonly code: number;
  readonly reason: string;
  readonly meaning: string;
  /** Whether to come back. */
  readonly reconnect: boolean;
}

/** A way the relay answers a handshake. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly meaning: string;
  /** Whether to try again. */
  readonly reconnect: boolean;
}

/** What a code of a refused frame tells: what became of it, and whether to send it again. */
export interface ErrorMeaning {
  readonly code: string;
  readonly stored: Stored;
  readonly again: boolean;
  readonly meaning: string;
}

export const CLOSE_CODES: readonly CloseCode[] = [
  {
    code: 1000,
    reason: "normal",
    meaning: "The client said goodbye.",
    reconnect: false,
  },
  {
    code: 1001,
    reason: "going-away",
    meaning: "The relay is shutting down.",
    reconnect: true,
  },
  {
    code: 1002,
    reason: "protocol-error",
    meaning: "The client broke RFC 6455.",
    reconnect: true,
  },
  {
    code: 1003,
    reason: "binary",
    meaning: "The client sent a binary frame.",
    reconnect: false,
  },
  {
    code: 1007,
    reason: "not-utf-8",
    meaning: "The client sent a text frame that is not UTF-8.",
    reconnect: false,
  },
  {
    code: 1009,
    reason: "too-big",
    meaning: "The client sent a frame over `limits.frame_bytes`.",
    reconnect: false,
  },
  {
    code: 1011,
    reason: "internal",
    meaning: "A fault of the relay.",
    reconnect: true,
  },
  {
    code: 1013,
    reason: "try-again-later",
    meaning: "A message could not be stored in time: whether it was is unknown. Send what has no ack again, in order, with the same ids.",
    reconnect: true,
  },
  {
    code: 4400,
    reason: "bad-frames",
    meaning: "Twenty frames in a row were against this contract.",
    reconnect: false,
  },
  {
    code: 4401,
    reason: "session-ended",
    meaning: "The session expired or was ended: by a logout, a new password, the end of the account or of its API key. Log in again.",
    reconnect: false,
  },
  {
    code: 4403,
    reason: "not-a-member",
    meaning: "The user left the room or was removed from it.",
    reconnect: false,
  },
  {
    code: 4408,
    reason: "too-slow",
    meaning: "The client took nothing of what waits for it for 15 seconds.",
    reconnect: true,
  },
  {
    code: 4410,
    reason: "room-deleted",
    meaning: "The room is deleted.",
    reconnect: false,
  },
  {
    code: 4429,
    reason: "rate",
    meaning: "The client went on far above `limits.frames_per_s`.",
    reconnect: true,
  },
];

export const REFUSALS: readonly Refusal[] = [
  {
    status: 426,
    reason: "no-upgrade",
    meaning: "The request asks for no WebSocket.",
    reconnect: false,
  },
  {
    status: 400,
    reason: "bad-request",
    meaning: "The handshake, the room's name or the query is malformed; or `since` has no `epoch`.",
    reconnect: false,
  },
  {
    status: 403,
    reason: "wrong-origin",
    meaning: "The page's origin is not on the operator's list.",
    reconnect: false,
  },
  {
    status: 401,
    reason: "not-logged-in",
    meaning: "The token or ticket is missing, unknown, expired, revoked or used. Log in again, or get another ticket.",
    reconnect: false,
  },
  {
    status: 403,
    reason: "not-a-member",
    meaning: "The caller is neither a member of this private room nor invited, or there is none.",
    reconnect: false,
  },
  {
    status: 429,
    reason: "too-many-connections",
    meaning: "The user has too many connections, in this room or in all. `Retry-After` says when to try again.",
    reconnect: true,
  },
  {
    status: 429,
    reason: "too-many-rooms",
    meaning: "The user has joined as many rooms as one may: leave one. `Retry-After` says when to try again.",
    reconnect: true,
  },
  {
    status: 429,
    reason: "room-full",
    meaning: "The room has as many members as one may have. `Retry-After` says when to try again.",
    reconnect: true,
  },
  {
    status: 503,
    reason: "unavailable",
    meaning: "The relay is overloaded or shutting down, or cannot ask the API or the store. `Retry-After` says when to try again.",
    reconnect: true,
  },
];

export const ERROR_MEANINGS: readonly ErrorMeaning[] = [
  {
    code: "bad-frame",
    stored: "no",
    again: false,
    meaning: "The frame is no strict JSON, or against its schema: `path`, `expected` and `schema` say where, of one fault if there are several. Twenty in a row close the connection. It counts for `frames_per_s` as one more frame for each 4,096 bytes of it.",
  },
  {
    code: "too-big",
    stored: "no",
    again: false,
    meaning: "`data.message` is over `limits.message_bytes`, or a signal's `data` over `limits.signal_bytes`; `path`, `expected` and `schema` as for `bad-frame`. It counts as one bad frame in a row.",
  },
  {
    code: "rate",
    stored: "no",
    again: true,
    meaning: "Too many frames. Send it again after `retry_after` seconds.",
  },
  {
    code: "id-reused",
    stored: "no",
    again: false,
    meaning: "The sender used this id in this room for another message.",
  },
  {
    code: "members-changed",
    stored: "no",
    again: false,
    meaning: "`if_members` is not the room's `members_version`. This attempt is not stored; one that was sent before with the same id may be. Look at the members again, encrypt for them, and send that.",
  },
  {
    code: "storage-full",
    stored: "no",
    again: true,
    meaning: "The store has no room left. Try again later.",
  },
  {
    code: "unavailable",
    stored: "unknown",
    again: true,
    meaning: "The store did not answer in time. The connection closes with 1013; send it again with the same id.",
  },
];

const UNSAID = "The contract of this client does not say.";

/** What a close code means, or what to do about one that is not known here. */
export function closeCode(code: number): CloseCode {
  const known = CLOSE_CODES.find((row) => row.code === code);
  const reconnect = true;
  return known ?? { code, reason: "unknown", meaning: UNSAID, reconnect };
}

/**
 * What a refusal means. Of a reason that is not known here nothing is repeated: it may come from
 * anyone on the way. A fault of theirs (408, 429, 5xx) may pass.
 */
export function refusal(status: number, reason: string): Refusal {
  const sameStatus = REFUSALS.filter((row) => row.status === status);
  const known = sameStatus.find((row) => row.reason === reason);
  // The API has more reasons than the relay; where the relay has one for it, that is what it says.
  const only = sameStatus.length === 1 ? sameStatus[0] : undefined;
  const reconnect = [408, 429].includes(status) || status >= 500;
  return known ?? only ?? { status, reason: "unknown", meaning: UNSAID, reconnect };
}

/** What a code of a refused frame means, or what to do about one that is not known here. */
export function errorMeaning(code: string): ErrorMeaning {
  const known = ERROR_MEANINGS.find((row) => row.code === code);
  const stored = "unknown";
  const again = false;
  return known ?? { code, stored, again, meaning: UNSAID };
}
