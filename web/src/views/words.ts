// What went wrong, said to people, and where on the page it belongs; and times of day.

import { HandshakeRefused, InvalidFrame, RelayClosed, RelayError, RelayProblem } from "ilo-relay";

import {
  KeysChanged,
  KeysThere,
  NoKeys,
  NotLoggedIn,
  OthersBackup,
  ServerRefused,
  Unreachable,
} from "../client/failures.ts";
import type { Change } from "../client/events.ts";
import { Refused } from "../envelope/errors.ts";
import type { Code } from "../envelope/errors.ts";
import type { Warning } from "../envelope/replay.ts";
import { NotKept } from "../store/database.ts";
import { NotAccepted } from "../store/pins.ts";

/** The field that is wrong; empty: none of them alone. */
export type Field = "name" | "password" | "passphrase" | "backup" | "room" | "key" | "";

export interface Problem {
  readonly words: string;
  readonly field: Field;
}

const REFUSALS: Readonly<Record<string, readonly [string, Field]>> = {
  "name-taken": ["This name is taken: choose another one, or log in.", "name"],
  "bad-credentials": ["The name or the password is wrong.", "password"],
  "wrong-password": ["The password is wrong.", "password"],
  "user-not-found": ["There is nobody of this name.", "name"],
  "room-not-found": ["There is no such room, or it is not yours to see.", "room"],
  "not-the-owner": ["Only the owner of the room may do that.", ""],
  "member-not-found": ["There is nobody of this name in the room.", "name"],
  "unknown-api-key": ["The server does not know this API key.", "key"],
  "admin-only": ["This server gives API keys to nobody by itself: ask who runs it for one.", "key"],
  "limit-reached": ["That is more than this server allows.", ""],
};

const PLACES: readonly (readonly [string, Field])[] = [
  ["/password", "password"],
  ["username", "name"],
  ["/api_key", "key"],
  ["room", "room"],
];

/** Why a message is not shown. */
const NOT_SHOWN: Readonly<Record<Code, string>> = {
  "format": "it is not in the form that it should have",
  "alg": "it uses an algorithm that does not belong to the key",
  "room": "it was written for another room",
  "sender": "it was written under another name",
  "recipients": "the list of those it is for was altered",
  "not-for-me": "it was not encrypted for any of your keys",
  "decrypt": "it cannot be decrypted: it was altered, or is for another key",
  "unpinned": "its sender's key is not known yet",
  "key-changed": "it is signed with another key than the one you know of its sender",
  "signature": "its signature is wrong",
  "binding": "what was signed was meant for another place or for others",
  "replay": "it was delivered before, or out of order",
  "passphrase": "the passphrase is wrong, or the file was altered",
  "cost": "the file asks for more or less work than is safe",
};

const CHANGES: Readonly<Record<Change["what"], string>> = {
  "joined": "{} joined",
  "left": "{} left",
  "removed": "{} was removed",
  "key-changed": "The key of {} changed: nothing is sent until you have accepted the new one",
  "still-listed": "The server still lists {}, whom you removed: nothing is encrypted for them",
};

const WARNINGS: Readonly<Record<Warning, string>> = {
  "gap": "messages are missing before this one",
  "unknown-recipient": "somebody who is no known member can read this",
};

const GAPS: Readonly<Record<string, string>> = {
  retention: "Older messages are not kept any more",
  epoch: "The server went back to an earlier state: messages may be missing",
  ahead: "The server has lost messages",
};

/** What to say of `error`; nothing of what was typed is in it. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ServerRefused) return refusal(error);
  if (error instanceof Refused) return backupProblem(error);
  if (error instanceof Unreachable) {
    return plain("The server does not answer as it should: try again in a while.");
  }
  if (error instanceof NotLoggedIn) return plain("The session is over: log in again.");
  if (error instanceof NoKeys) {
    return plain("Your keys are not in this browser: restore a backup, or make new keys.");
  }
  if (error instanceof OthersBackup) {
    return { words: "This is the backup of somebody else.", field: "backup" };
  }
  if (error instanceof KeysThere) {
    return { words: "This browser has other keys of this person already.", field: "backup" };
  }
  if (error instanceof KeysChanged) return plain("A key changed: compare and accept it.");
  if (error instanceof NotAccepted) {
    return plain("The server shows another key by now: look again.");
  }
  if (error instanceof NotKept) {
    return plain("This browser does not keep anything: it is full, or in a private mode.");
  }
  return relayProblem(error);
}

function relayProblem(error: unknown): Problem {
  if (error instanceof InvalidFrame) return { words: "This is not allowed here.", field: "room" };
  if (error instanceof HandshakeRefused || error instanceof RelayClosed) return plain(error.meaning);
  if (error instanceof RelayError) return plain(error.detail);
  if (error instanceof RelayProblem) return plain("The line was lost before the server answered.");
  if (error instanceof RangeError) return plain("This is too long for so many people.");
  const kind = error instanceof Error ? error.name : "unknown";
  return plain(`Something went wrong here (${kind}).`);
}

function refusal({ code, detail, rules, retryAfterS }: ServerRefused): Problem {
  if (code === "too-many-tries") {
    const wait = retryAfterS === null ? "a while" : `${String(retryAfterS)} seconds`;
    return plain(`That was too often: wait ${wait}, and try again.`);
  }
  const known = REFUSALS[code];
  if (known !== undefined) return { words: known[0], field: known[1] };
  const [rule] = rules;
  if (rule === undefined) return plain(whole(detail));
  const found = PLACES.find(([sign]) => rule.place.includes(sign));
  const words = [...new Set(rules.map((one) => one.words))].join("; ");
  return { words: whole(words), field: found?.[1] ?? "" };
}

function backupProblem({ code }: Refused): Problem {
  if (code === "passphrase") return { words: "The passphrase is wrong.", field: "passphrase" };
  return { words: whole(`this is no backup of keys: ${NOT_SHOWN[code]}`), field: "backup" };
}

/** The words around the name, which comes in the place of `{}`. */
export function changeWords(what: Change["what"]): string {
  return CHANGES[what];
}

export function notShownWords(code: Code): string {
  return `Not shown: ${NOT_SHOWN[code]}`;
}

export function warningWords(warnings: readonly Warning[]): string {
  return warnings.map((warning) => WARNINGS[warning]).join("; ");
}

export function gapWords(reason: string): string {
  return GAPS[reason] ?? "Messages are missing";
}

/** What to call a room: of a private one without a label the beginning of its random name. */
export function titleOf(room: string, label: string | null): string {
  if (label !== null) return label;
  return room.startsWith("~") ? `private ${room.slice(1, 7)}` : room;
}

/** Hours and minutes, here; empty when it is no time. */
export function timeOf(sentAt: string): string {
  const when = new Date(sentAt);
  if (Number.isNaN(when.getTime())) return "";
  return when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
}

/** A day, here; empty when it is no time. */
export function dayOf(sentAt: string): string {
  const when = new Date(sentAt);
  if (Number.isNaN(when.getTime())) return "";
  const yesterday = new Date();
  yesterday.setDate(yesterday.getDate() - 1);
  if (when.toDateString() === new Date().toDateString()) return "Today";
  if (when.toDateString() === yesterday.toDateString()) return "Yesterday";
  return when.toLocaleDateString(undefined, { dateStyle: "full" });
}

function plain(words: string): Problem {
  return { words, field: "" };
}

function whole(text: string): string {
  const sentence = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
}
