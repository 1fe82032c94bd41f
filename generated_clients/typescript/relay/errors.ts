// What can go wrong with a relay. No text of an error holds a token, a ticket, or what was said.

import type { Refusal, Stored } from "./contract.ts";

/** Base of all of them. */
export class RelayProblem extends Error {
  static {
    this.prototype.name = "RelayProblem";
  }
}

/** What was to be sent is against the contract, and was not sent. */
export class InvalidFrame extends RelayProblem {
  static {
    this.prototype.name = "InvalidFrame";
  }

  /** A JSON pointer into the frame, or the name of an option. */
  readonly place: string;
  readonly rule: string;

  constructor(place: string, rule: string) {
    super(`${place || "the frame"}: ${rule}`);
    this.place = place;
    this.rule = rule;
  }
}

/** What was to be sent is over one of the relay's limits, and was not sent. */
export class TooLarge extends InvalidFrame {
  static {
    this.prototype.name = "TooLarge";
  }

  readonly limit: string;
  readonly bound: number;
  readonly size: number;

  constructor(place: string, limit: string, bound: number, size: number) {
    super(place, `${size} bytes, and limits.${limit} is ${bound}`);
    this.limit = limit;
    this.bound = bound;
    this.size = size;
  }
}

/** The relay sent what is against its own contract: this client goes no further. */
export class BrokenFrame extends RelayProblem {
  static {
    this.prototype.name = "BrokenFrame";
  }

  readonly place: string;
  readonly rule: string;

  constructor(place: string, rule: string) {
    super(`the relay broke its contract at ${place || "the frame"}: ${rule}`);
    this.place = place;
    this.rule = rule;
  }
}

/** The relay refused a frame; the connection goes on. */
export class RelayError extends RelayProblem {
  static {
    this.prototype.name = "RelayError";
  }

  readonly code: string;
  readonly detail: string;
  /** What became of the frame. */
  readonly stored: Stored;
  /** Whether sending it again may help, after `retryAfterS` if that is given. */
  readonly again: boolean;
  readonly id: string | undefined;
  /** The place in the frame, a JSON pointer. */
  readonly path: string | undefined;
  readonly retryAfterS: number | undefined;

  constructor(
    code: string,
    detail: string,
    more: {
      readonly stored: Stored;
      readonly again: boolean;
      readonly id?: string | undefined;
      readonly path?: string | undefined;
      readonly retryAfterS?: number | undefined;
    },
  ) {
    super(`${code}: ${detail}`);
    this.code = code;
    this.detail = detail;
    this.stored = more.stored;
    this.again = more.again;
    this.id = more.id;
    this.path = more.path;
    this.retryAfterS = more.retryAfterS;
  }
}

/**
 * What was sent got no answer, and gets none here: whether it is stored is unknown. Sent again with
 * the same `id`, it is stored once at most.
 */
export class Unconfirmed extends RelayProblem {
  static {
    this.prototype.name = "Unconfirmed";
  }

  readonly stored: Stored = "unknown";
  readonly id: string;

  constructor(id: string, why: string, cause?: Error) {
    super(
      `no answer to ${id}: ${why}; whether it is stored is unknown`,
      cause === undefined ? {} : { cause },
    );
    this.id = id;
  }
}

/** This client was closed, or not yet opened. */
export class ClientClosed extends RelayProblem {
  static {
    this.prototype.name = "ClientClosed";
  }

  constructor(why = "this client was closed") {
    super(why);
  }
}

/** The relay ended the connection for a reason after which one does not come back. */
export class RelayClosed extends RelayProblem {
  static {
    this.prototype.name = "RelayClosed";
  }

  readonly code: number;
  readonly reason: string;
  readonly meaning: string;

  constructor(code: number, reason: string, meaning: string) {
    super(`${code} ${reason}: ${meaning}`);
    this.code = code;
    this.reason = reason;
    this.meaning = meaning;
  }
}

/** A connection is over, and the client comes back. */
export class LineLost extends RelayProblem {
  static {
    this.prototype.name = "LineLost";
  }
}

/** There was no connection. */
export class NoLine extends RelayProblem {
  static {
    this.prototype.name = "NoLine";
  }

  /** Whether trying again may help. */
  readonly reconnect: boolean;
  /** When, if it was said. */
  readonly retryAfterS: number | undefined;

  constructor(text: string, reconnect = true, retryAfterS?: number) {
    super(text);
    this.reconnect = reconnect;
    this.retryAfterS = retryAfterS;
  }
}

/** Nobody answered, or not as a relay does. */
export class RelayUnreachable extends NoLine {
  static {
    this.prototype.name = "RelayUnreachable";
  }
}

/** The relay does not let this client in, or would not: the API said so when it was asked. */
export class HandshakeRefused extends NoLine {
  static {
    this.prototype.name = "HandshakeRefused";
  }

  readonly status: number;
  readonly reason: string;
  readonly meaning: string;

  constructor(refusal: Refusal, retryAfterS?: number) {
    const { status, reason, meaning, reconnect } = refusal;
    super(`${status} ${reason}: ${meaning}`, reconnect, retryAfterS);
    this.status = status;
    this.reason = reason;
    this.meaning = meaning;
  }
}

/**
 * The connection did not come about, though the API finds nothing wrong: nobody answers, or it is a
 * refusal that only the relay knows. A `WebSocket` does not show which.
 */
export class HandshakeUnexplained extends NoLine {
  static {
    this.prototype.name = "HandshakeUnexplained";
  }

  /** The contract's refusals that it may be. */
  readonly mayBe: readonly Refusal[];

  constructor(mayBe: readonly Refusal[]) {
    const reasons = mayBe.map(({ reason }) => reason).join(", ");
    super(`the relay does not answer, or refuses and does not show why; it may be ${reasons}`);
    this.mayBe = mayBe;
  }
}
