// The API, as a client of the relay needs it: for tickets, and to find out why it is not let in.
//
// A `WebSocket` does not show how a handshake was answered. The API knows who is logged in, and who
// is in a room; what is left is known to the relay alone.

import type { Api } from "../rest/index.ts";
import { refusal, REFUSALS, type Refusal } from "./contract.ts";
import { HandshakeRefused, HandshakeUnexplained, NoLine, RelayUnreachable } from "./errors.ts";

const PROBLEM_TYPE = "/problems/";
/** What a handshake of this client cannot be refused for when the API finds nothing wrong. */
const EXCLUDED = ["no-upgrade", "bad-request", "not-a-member"];
/** What only who is not in the room yet is refused for. */
const OF_NEWCOMERS = ["too-many-rooms", "room-full"];

interface Answer<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/** A ticket for one connection. Throws `NoLine` when there is none to be had. */
export async function ticketOf(api: Api, signal: AbortSignal): Promise<string> {
  const answer = await answered(api.POST("/ticket", { signal }));
  if (answer.data === undefined) throw refusedBy(answer);
  return answer.data.ticket;
}

/**
 * Why the relay would not let in whom `api` speaks for. `isKnown`: what was shown is a ticket that this
 * API gave just now, and nothing else that the relay may not know.
 */
export async function whyNot(
  api: Api,
  room: string,
  isKnown: boolean,
  signal: AbortSignal,
): Promise<NoLine> {
  try {
    const session = await answered(api.GET("/session", { signal }));
    if (session.data === undefined) return refusedBy(session);
    const path = { room };
    const place = await answered(api.GET("/room/{room}", { params: { path }, signal }));
    if (place.data !== undefined) {
      const { members } = place.data;
      const { username } = session.data;
      const isIn = members.some((one) => one.username === username && one.state === "joined");
      return new HandshakeUnexplained(mayBe(isKnown, isIn));
    }
    // An open room is one for everybody, and begins with who comes first.
    const isOpen = !room.startsWith("~");
    if (place.response.status === 404 && isOpen) {
      return new HandshakeUnexplained(mayBe(isKnown, false));
    }
    // A private room answers the relay's 403 as a 404 here.
    if (place.response.status === 404) return new HandshakeRefused(refusal(403, "not-a-member"));
    return refusedBy(place);
  } catch (error) {
    if (error instanceof NoLine) return error;
    throw error;
  }
}

/** The refusals that are left. `isIn`: for who is in the room already. */
function mayBe(isKnown: boolean, isIn: boolean): readonly Refusal[] {
  const excluded = [...EXCLUDED];
  if (isKnown) excluded.push("not-logged-in");
  if (isIn) excluded.push(...OF_NEWCOMERS);
  // Only what runs in a page has an origin.
  if (!("location" in globalThis)) excluded.push("wrong-origin");
  return REFUSALS.filter(({ reason }) => !excluded.includes(reason));
}

/** The answer, or `RelayUnreachable`. Errors of fetch are not passed on. */
async function answered<Data>(asking: Promise<Answer<Data>>): Promise<Answer<Data>> {
  try {
    return await asking;
  } catch {
    throw new RelayUnreachable("the API does not answer");
  }
}

/** What a problem (RFC 9457) of the API means for a handshake. */
function refusedBy(answer: Answer<unknown>): HandshakeRefused {
  const { error, response } = answer;
  const kind = typeof error === "object" && error !== null && "type" in error ? error.type : "";
  const reason = typeof kind === "string" ? kind.replace(PROBLEM_TYPE, "") : "";
  const after = response.headers.get("Retry-After") ?? "";
  const retryAfterS = /^\d+$/.test(after) ? Number(after) : undefined;
  return new HandshakeRefused(refusal(response.status, reason), retryAfterS);
}
