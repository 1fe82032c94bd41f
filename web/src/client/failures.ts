// What can go wrong between this page and the world, beside a refused envelope.
//
// No text of them holds a password, a token, a passphrase or what was said.

/** There is no session, or it is over: log in again. */
export class NotLoggedIn extends Error {
  constructor() {
    super("not logged in");
    this.name = "NotLoggedIn";
  }
}

/** The server does not answer, or not as its contract says: try again later. */
export class Unreachable extends Error {
  constructor(why: string) {
    super(`the server does not answer as it should: ${why}`);
    this.name = "Unreachable";
  }
}

/** A broken rule of the input: its place, and what is asked for. */
export interface Rule {
  readonly place: string;
  readonly words: string;
}

/** The server says no. `code` is the problem's name in the contract, `name-taken` for one. */
export class ServerRefused extends Error {
  readonly code: string;
  readonly detail: string;
  readonly rules: readonly Rule[];
  readonly retryAfterS: number | null;

  constructor(code: string, detail: string, rules: readonly Rule[], retryAfterS: number | null) {
    super(code);
    this.name = "ServerRefused";
    this.code = code;
    this.detail = detail;
    this.rules = rules;
    this.retryAfterS = retryAfterS;
  }
}

/** The account has keys, and they are not in this browser. */
export class NoKeys extends Error {
  constructor() {
    super("the keys are elsewhere");
    this.name = "NoKeys";
  }
}

/** A backup that was made for somebody else. */
export class OthersBackup extends Error {
  readonly username: string;

  constructor(username: string) {
    super("the backup is somebody else's");
    this.name = "OthersBackup";
    this.username = username;
  }
}

/** This browser has other keys of the same person: they are not thrown away. */
export class KeysThere extends Error {
  constructor() {
    super("there are keys already");
    this.name = "KeysThere";
  }
}

/** Members have other keys than before: nothing is sent until each is accepted.
 *
 * `isKept`: the message was under way, and goes first then; else it is to be sent again. */
export class KeysChanged extends Error {
  readonly names: readonly string[];
  readonly isKept: boolean;

  constructor(names: readonly string[], isKept: boolean) {
    super("the keys changed of members");
    this.name = "KeysChanged";
    this.names = names;
    this.isKept = isKept;
  }
}

/** A room that was closed, or is not open yet. */
export class RoomClosed extends Error {
  constructor() {
    super("this room is not open");
    this.name = "RoomClosed";
  }
}
