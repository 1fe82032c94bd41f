// How a client shows who it is: in a header, never in a URL.

import { SUBPROTOCOLS, TICKET_PREFIX } from "./contract.ts";

/**
 * The secret, or what gets a fresh one: it is called before each connect. Of what it throws, a
 * `NoLine` that says so leads to another try; anything else ends the client.
 */
export type Secret = string | (() => Promise<string>);

/** What is shown in one handshake. */
export interface Shown {
  readonly protocols: () => string[];
  readonly headers: (() => Record<string, string>) | null;
}

/**
 * Shows `secret`: a ticket, which lets in once and so has to be got each time, or the token of a
 * session. Secrets are kept in functions, which no console shows.
 */
export function shows(secret: Secret, kind: "ticket" | "token"): () => Promise<Shown> {
  if (typeof secret !== "function") check(secret);
  return async () => {
    const text = typeof secret === "function" ? await secret() : secret;
    check(text);
    if (kind === "ticket") {
      return { protocols: () => [...SUBPROTOCOLS, TICKET_PREFIX + text], headers: null };
    }
    return {
      protocols: () => [...SUBPROTOCOLS],
      headers: () => ({ Authorization: `Bearer ${text}` }),
    };
  };
}

/** See that it fits into a header. The value is not shown. */
function check(secret: unknown): void {
  if (typeof secret !== "string" || !/^[!-+\--~]{1,4096}$/.test(secret)) {
    throw new TypeError("a token or ticket is printable ASCII without spaces and commas");
  }
}
