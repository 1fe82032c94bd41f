// One connection: the handshake, frames as text, and how it ended.

import { closeCode } from "./contract.ts";
import type { Shown } from "./credentials.ts";
import {
  BrokenFrame,
  LineLost,
  NoLine,
  RelayClosed,
  RelayUnreachable,
} from "./errors.ts";
import { readFrame, type ServerFrame, type Welcome } from "./frames.ts";

/** Close codes that no close frame has: there was none. */
const BROKEN_OFF = [1005, 1006, 1015];

/** Everything about how to connect but who it is. */
export interface Way {
  readonly openTimeoutMs: number;
  readonly silenceMs: number;
  readonly closeTimeoutMs: number;
}

/** Who listens to a line. What it throws ends the line. */
export interface Ear {
  welcomed(line: Line, welcome: Welcome): void;
  heard(frame: ServerFrame): void;
}

/** The handshake was answered with something else than a connection; a socket does not show what. */
export class NotOpened extends NoLine {}

export class Line {
  /** How it ended; never rejects. */
  readonly over: Promise<Error>;
  readonly #way: Way;
  readonly #ear: Ear;
  readonly #socket: WebSocket;
  #welcome: Welcome | null = null;
  #opened = false;
  #ended = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #end: (why: Error) => void = () => undefined;

  /** Connects to `url`. Throws `NoLine` when there is no way to do so. */
  constructor(url: string, shown: Shown, way: Way, ear: Ear) {
    this.#way = way;
    this.#ear = ear;
    this.#socket = socketTo(url, shown);
    this.over = new Promise((resolve) => {
      this.#end = (why) => {
        if (this.#ended) return;
        this.#ended = true;
        clearTimeout(this.#timer);
        resolve(why);
      };
    });
    const { openTimeoutMs } = way;
    this.#endAfter(openTimeoutMs, () => new RelayUnreachable("the relay does not answer in time"));
    this.#socket.addEventListener("open", () => {
      this.#opened = true;
    });
    this.#socket.addEventListener("message", ({ data }: MessageEvent) => this.#take(data));
    this.#socket.addEventListener("close", ({ code }) => this.#end(this.#endBy(code)));
    // It says nothing that the end of the connection does not say.
    this.#socket.addEventListener("error", () => undefined);
  }

  /** What the relay said first. */
  get welcome(): Welcome {
    if (this.#welcome === null) throw new Error("the line is not welcomed yet");
    return this.#welcome;
  }

  /** Send a frame. When the connection is over nothing happens: who waits for the end is told. */
  send(text: string): void {
    if (!this.#ended) this.#socket.send(text);
  }

  /** Hang up, for the reason that it ends with. */
  leave(why: Error): void {
    this.#end(why);
    this.#socket.close(1000);
  }

  /** Resolves when the socket of a line that was left is closed, or when that takes too long. */
  async gone(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#way.closeTimeoutMs);
      this.#socket.addEventListener("close", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #take(data: unknown): void {
    if (this.#ended) return;
    try {
      const { silenceMs } = this.#way;
      this.#endAfter(silenceMs, () => new LineLost(`nothing came for ${silenceMs / 1000} s`));
      const frame = readFrame(data);
      if (this.#welcome !== null) {
        if (frame !== null) this.#ear.heard(frame);
        return;
      }
      if (frame?.type !== "welcome") {
        throw new BrokenFrame("/type", "the first frame has to be a welcome");
      }
      this.#welcome = frame;
      this.#ear.welcomed(this, frame);
    } catch (why) {
      this.leave(why instanceof Error ? why : new Error("a frame could not be taken"));
    }
  }

  #endAfter(ms: number, why: () => Error): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.leave(why()), ms);
  }

  /** What the end of a connection means: only a close frame says more than that the line is lost. */
  #endBy(code: number): Error {
    if (!this.#opened) return new NotOpened("the connection did not come about");
    const row = closeCode(code);
    if (!row.reconnect) return new RelayClosed(row.code, row.reason, row.meaning);
    const text = BROKEN_OFF.includes(code)
      ? "the connection broke off"
      : `the relay closed with ${row.code} ${row.reason}`;
    return this.#welcome === null ? new RelayUnreachable(text) : new LineLost(text);
  }
}

/** Errors of the platform are not passed on: they may repeat what was shown. */
function socketTo(url: string, { protocols, headers }: Shown): WebSocket {
  if (headers === null) {
    try {
      return new WebSocket(url, protocols());
    } catch {
      throw new RelayUnreachable("this place makes no connection to such a relay", false);
    }
  }
  // Node.js takes the headers here. A browser, which has no way to send them, throws.
  const init = { protocols: protocols(), headers: headers() } as unknown as string[];
  try {
    return new WebSocket(url, init);
  } catch {
    throw new RelayUnreachable("a token cannot be shown from here: give a ticket, or the API", false);
  }
}
