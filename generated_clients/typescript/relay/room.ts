// A client of one room: what it may say, and what it hears.

import type { Api } from "../rest/index.ts";
import { urlOf, withQuery } from "./address.ts";
import type { Backoff } from "./backoff.ts";
import { shows, type Secret } from "./credentials.ts";
import { ticketOf, whyNot } from "./door.ts";
import { RelayUnreachable } from "./errors.ts";
import {
  CursorShape,
  HistoryInShape,
  MessageInShape,
  RoomNameShape,
  SignalInShape,
  UuidShape,
  valueToSend,
  type Ack,
  type Cursor,
  type HistoryOut,
  type MembersVersion,
  type RoomName,
  type Seq,
  type SignalData,
  type Uuid,
} from "./frames.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Resume } from "./resume.ts";

/**
 * Give one of `api`, `ticket` and `token`; `api` also beside one of the others, to find out why a
 * handshake was refused, which a `WebSocket` does not show.
 */
export interface RoomOptions {
  /**
   * The room's name. Names that begin with `~` belong to private rooms; they answer 403 to who is
   * neither a member nor invited, whether there is such a room or not.
   */
  readonly room: RoomName;
  /** The API, with the session's token: it is asked for a ticket before each connect. */
  readonly api?: Api;
  /** A ticket, or what gets one. */
  readonly ticket?: Secret;
  /** The session's token, where a `WebSocket` can send headers: in Node.js, and in no browser. */
  readonly token?: Secret;
  /**
   * The client's cursor: the seq of the newest message that it took, 0 for none. Everything after
   * it is sent.
   * For the first connect; afterwards the client keeps its cursor itself.
   */
  readonly since?: Cursor;
  /**
   * The epoch of that cursor. Needed with `since`, unless that is 0.
   * For the first connect; afterwards the client keeps its cursor itself.
   */
  readonly epoch?: Uuid;
  readonly backoff?: Backoff;
  /**
   * So many frames that nobody takes are kept, 1,000 when it is left out. Then the line is left, and
   * taken up again from there when half of them are taken: a `WebSocket` cannot be told to wait.
   */
  readonly queueFrames?: number;
  /** How long a welcome may take: 10,000 when it is left out. */
  readonly openTimeoutMs?: number;
  /** After so long without a frame a line counts as lost: 50,000 when it is left out. */
  readonly silenceMs?: number;
  /** How long a goodbye waits for the relay's: 5,000 when it is left out. */
  readonly closeTimeoutMs?: number;
}

export interface MessageOptions {
  /**
   * Names the message for good, together with room and sender; the relay makes one when it is left
   * out.
   */
  readonly id?: Uuid | undefined;
  /**
   * The newest seq that the client had seen when it first sent this id, 0 for none. With it a
   * repeated message is recognised for as long as it is kept; without it while it is among the
   * room's last 512. It belongs to the epoch of its connection; one beyond the head is no error.
   */
  readonly after?: Cursor | undefined;
  /**
   * The `members_version` that the message is encrypted for: with another one it is refused with
   * `members-changed`. As the relay knows it at that moment; what counts is the list of recipients
   * inside.
   */
  readonly ifMembers?: MembersVersion | undefined;
}

export interface HistoryOptions {
  /** The answer has it, too. */
  readonly id?: Uuid | undefined;
  /** The seq that the newest of the messages is before; left out, the newest ones are meant. */
  readonly before?: Seq | undefined;
  /** How many messages at most. */
  readonly limit?: number | undefined;
}

/**
 * One connection after another to /ws/{room}, which look like one.
 *
 *     const room = new RoomClient(relay_url, { room, api });
 *     await room.open();
 *     for await (const frame of room) …
 *
 * When the line is lost it comes back by itself, as the contract says for each way of losing it. Then
 * a `Welcome` stands among the frames, what was said meanwhile follows, and what has no answer yet is
 * sent again, in order, with the same ids: every message comes once, in order. What cannot be had is
 * told by a `Gap`, which stands among the frames like any other. Where the contract says not to come
 * back, iterating throws the reason, and whatever is said rejects with it.
 */
export class RoomClient extends Lifecycle {
  /**
   * `relayUrl` is scheme, host and port, as the answer to a login has it. Throws `InvalidFrame` when a
   * part of the address is against the contract, `TypeError` or `RangeError` for another option.
   */
  constructor(relayUrl: string, options: RoomOptions) {
    const { api, ticket, token, backoff = {}, queueFrames = 1000 } = options;
    const { openTimeoutMs = 10_000, silenceMs = 50_000, closeTimeoutMs = 5_000 } = options;
    valueToSend(RoomNameShape, options.room, "room");
    const query: Record<string, string> = {};
    if (options.since !== undefined) {
      valueToSend(CursorShape, options.since, "since");
    }
    if (options.epoch !== undefined) {
      valueToSend(UuidShape, options.epoch, "epoch");
    }
    const url = urlOf(relayUrl, {
      room: options.room,
    });
    if ((ticket !== undefined && token !== undefined) || (ticket ?? token ?? api) === undefined) {
      throw new TypeError("give either the API, a ticket or a token");
    }
    const secret = ticket ?? token;
    const kind = token === undefined ? "ticket" : "token";
    const show = secret === undefined ? null : shows(secret, kind);
    const entry = {
      url: (cursor: Record<string, string>) => withQuery(url, { ...query, ...cursor }),
      show: (signal: AbortSignal) => {
        if (show !== null) return show();
        return shows(() => ticketOf(api as Api, signal), "ticket")();
      },
      whyNot: (signal: AbortSignal) =>
        api === undefined
          ? Promise.resolve(new RelayUnreachable("the relay does not answer, or does not let in"))
          : whyNot(api, options.room, secret === undefined, signal),
    };
    const way = { openTimeoutMs, silenceMs, closeTimeoutMs };
    super(entry, way, backoff, queueFrames, new Resume(options.since, options.epoch));
  }

  /**
   * A client says something in the room. The relay stores it, answers `ack`, and sends it as
   * `message` to everybody in the room, the sender too; `ack` and one's own `message` come in
   * either order. At most `limits.unacked_messages` of a connection wait for their ack; the relay
   * then reads on when some are stored.
   *
   * `message`: Opaque to the relay. May be empty.
   * Resolves with the answer. Rejects with `InvalidFrame` (`TooLarge`): it is against the contract, or
   * over a limit, and was not sent; `RelayError`: the relay refused it; `Unconfirmed`: there will be no
   * answer; another `RelayProblem`: there is no connection, and there will be none.
   */
  async sendMessage(message: string, options: MessageOptions = {}): Promise<Ack> {
    const answer = await this.say({
      shape: MessageInShape,
      members: {
        type: "message",
        data: { message: message },
        id: options.id,
        after: options.after,
        if_members: options.ifMembers,
      },
      replies: ["ack"],
      correlation: "id",
      cursor: "after",
      bound: {
        place: "/data/message",
        limit: "message_bytes",
        text: () => String(message),
      },
    });
    return answer as Ack;
  }

  /**
   * A client asks for older messages. Answered by `history`. The relay reads nothing more from this
   * connection until it has answered. It moves no cursor.
   *
   * Resolves with the answer. Rejects with `InvalidFrame` (`TooLarge`): it is against the contract, or
   * over a limit, and was not sent; `RelayError`: the relay refused it; `Unconfirmed`: there will be no
   * answer; another `RelayProblem`: there is no connection, and there will be none.
   */
  async sendHistory(options: HistoryOptions = {}): Promise<HistoryOut> {
    const answer = await this.say({
      shape: HistoryInShape,
      members: {
        type: "history",
        id: options.id,
        before: options.before,
        limit: options.limit,
      },
      replies: ["history"],
      correlation: "id",
      cursor: null,
      bound: null,
    });
    return answer as HistoryOut;
  }

  /**
   * A client signals something that is not kept. That somebody types, or has read something. It is
   * sent on to the connections of the other users in the room that keep up with it, and neither
   * stored nor acknowledged.
   *
   * `data`: Opaque to the relay. Its JSON, without white space and in UTF-8, has at most
   * `limits.signal_bytes`.
   * Nobody answers it; it is lost when the line is. Rejects with `InvalidFrame` (`TooLarge`): it is
   * against the contract, or over a limit, and was not sent; another `RelayProblem`: there is no
   * connection, and there will be none.
   */
  async sendSignal(data: SignalData): Promise<void> {
    await this.say({
      shape: SignalInShape,
      members: {
        type: "signal",
        data: data,
      },
      replies: [],
      correlation: null,
      cursor: null,
      bound: {
        place: "/data",
        limit: "signal_bytes",
        text: () => jsonOf(data),
      },
    });
  }
}

/** For its size; what is no JSON has none, and is refused with its place. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}
