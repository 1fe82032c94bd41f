// A client's life: it connects, reads, comes back when the line is lost, and sends again what has no
// answer.

import { CAP_MS, delayMs, sleep, type Backoff } from "./backoff.ts";
import type { Shown } from "./credentials.ts";
import {
  BrokenFrame,
  ClientClosed,
  InvalidFrame,
  LineLost,
  NoLine,
  RelayClosed,
  RelayProblem,
  RelayUnreachable,
  TooLarge,
  Unconfirmed,
} from "./errors.ts";
import {
  isEvent,
  valueToSend,
  type Limits,
  type RelayEvent,
  type ServerFrame,
  type Welcome,
} from "./frames.ts";
import { Inbox } from "./inbox.ts";
import { Line, NotOpened, type Ear, type Way } from "./line.ts";
import { Pending, Unanswered } from "./pending.ts";
import type { Position, Resume } from "./resume.ts";
import { bytesOf, type Shape } from "./shapes.ts";
import { States, type State } from "./state.ts";

/** While an answer is awaited, up to so many times `queueFrames` are read: it may be behind them. */
const OVERFLOW = 16;
/** Who takes no frame for so long counts as nobody. */
const TAKEN_WITHIN_MS = 1000;

/** How to get in. */
export interface Entry {
  /** What to show in the next handshake. */
  readonly show: (signal: AbortSignal) => Promise<Shown>;
  /** Where it goes, without the cursor. */
  readonly url: (cursor: Record<string, string>) => string;
  /** Why the relay did not let this client in. */
  readonly whyNot: (signal: AbortSignal) => Promise<NoLine>;
}

/** A frame to send. `replies` are the types of its answers; without any nobody answers. */
export interface Request {
  readonly shape: Shape;
  readonly members: Readonly<Record<string, unknown>>;
  readonly replies: readonly string[];
  /** The member that an answer repeats. */
  readonly correlation: string | null;
  /** The member that tells the newest seq that was seen. */
  readonly cursor: string | null;
  /** What is bounded besides the frame. */
  readonly bound: Bound | null;
}

interface Bound {
  readonly place: string;
  readonly limit: keyof Limits;
  readonly text: () => string;
}

/** What waits for its turn: no more are sent than the relay takes, in the order in which they came. */
interface Said {
  readonly id: string | null;
  readonly send: (line: Line) => void;
  readonly fail: (why: Error) => void;
}

/** Nobody took what came. */
class Behind extends RelayProblem {}

/** What every client of a relay does, whatever it says. Opened once. */
export abstract class Lifecycle implements AsyncIterableIterator<RelayEvent, undefined> {
  readonly #entry: Entry;
  readonly #way: Way;
  readonly #backoff: Backoff;
  readonly #queueFrames: number;
  readonly #resume: Resume;
  readonly #inbox = new Inbox<RelayEvent, Position>();
  readonly #unanswered = new Unanswered();
  readonly #states = new States();
  readonly #stop = new AbortController();
  readonly #outbox: Said[] = [];
  #welcome: Welcome | null = null;
  #membersVersion = 0;
  #line: Line | null = null;
  #ready: Line | null = null;
  #life: Promise<void> | null = null;
  #end: Error | null = null;
  /** Lets who waits look again. */
  #stir: () => void = () => undefined;
  #hurry: () => void = () => undefined;
  #opened: { resolve: (welcome: Welcome) => void; reject: (why: Error) => void } | null = null;
  readonly #ear: Ear = {
    welcomed: (line, welcome) => this.#welcomed(line, welcome),
    heard: (frame) => this.#heard(frame),
  };

  constructor(entry: Entry, way: Way, backoff: Backoff, queueFrames: number, resume: Resume) {
    if (!Number.isSafeInteger(queueFrames) || queueFrames < 1) {
      throw new RangeError("queueFrames has to be at least 1");
    }
    this.#entry = entry;
    this.#way = way;
    this.#backoff = backoff;
    this.#queueFrames = queueFrames;
    this.#resume = resume;
    this.#inbox.onTaken = () => this.#stir();
  }

  // -- begin and end

  /**
   * Connect, and go on doing so. Resolves when the relay has welcomed this client, and rejects when it
   * is not let in for good, or closed before. What is said meanwhile waits.
   */
  open(): Promise<Welcome> {
    if (this.#life !== null) return Promise.reject(new ClientClosed("a client is opened once"));
    if (this.#end !== null) return Promise.reject(this.#end);
    const opened = new Promise<Welcome>((resolve, reject) => {
      this.#opened = { resolve, reject };
    });
    this.#life = this.#live().then(
      () => this.#ended(new ClientClosed()),
      (error: unknown) => this.#ended(error instanceof Error ? error : new Error("not an error")),
    );
    return opened;
  }

  /**
   * Say goodbye. Resolves when the socket is closed, or when the relay's goodbye does not come in
   * time. Iterating ends when it has given what had come. What has no answer yet rejects with
   * `Unconfirmed`. Closing twice is once.
   */
  async close(): Promise<void> {
    if (this.#life === null) {
      this.#end ??= new ClientClosed();
      this.#states.become({ name: "closed", why: null });
      return;
    }
    this.#stop.abort();
    this.#stir();
    this.#hurry();
    this.#line?.leave(new ClientClosed());
    await this.#life;
  }

  /** Come back now, if it is waiting to: the network is there again, or somebody asks for it. */
  retryNow(): void {
    this.#hurry();
  }

  // -- what it shows

  /** Where the client is, as the relay last said. Throws `ClientClosed`: it was not welcomed yet. */
  get welcome(): Welcome {
    if (this.#welcome === null) throw new ClientClosed("this client was not welcomed yet");
    return this.#welcome;
  }

  /** Whether the line is up, and what was unanswered is sent again. */
  get isConnected(): boolean {
    return this.#ready !== null;
  }

  get state(): State {
    return this.#states.now;
  }

  /** Call `listener` with every state from now on; returns what ends that. */
  subscribe(listener: (state: State) => void): () => void {
    return this.#states.subscribe(listener);
  }

  /**
   * Where the application is: behind the last frame that it took by iterating. Kept when that frame
   * was dealt with, and given to another client as `since` and `epoch`, it loses nothing and repeats
   * nothing. When this client itself reconnects, it asks for what comes after its queue. Throws
   * `ClientClosed`: it was not welcomed yet.
   */
  get cursor(): Position {
    if (this.#inbox.place === null) throw new ClientClosed("this client was not welcomed yet");
    return this.#inbox.place;
  }

  /** The newest version of the members that the relay told of; 0 before it was welcomed. */
  get membersVersion(): number {
    return this.#membersVersion;
  }

  /**
   * The ids of messages that were acknowledged to this client, and that the relay does not have any
   * more since a gap with the reason `epoch`: a backup was restored. Settled when `cursor` has
   * reached the `to_seq` of that gap. Of acknowledged messages the newest 10,000 are remembered.
   */
  get missing(): readonly string[] {
    return this.#resume.missing;
  }

  // -- what comes

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next frame. Iterators share what comes: each frame is given once. */
  async next(): Promise<IteratorResult<RelayEvent, undefined>> {
    if (this.#life === null && this.#end === null) {
      throw new ClientClosed("this client was not opened yet");
    }
    const value = await this.#inbox.take();
    if (value !== null) return { done: false, value };
    if (this.#end !== null && !(this.#end instanceof ClientClosed)) throw this.#end;
    return { done: true, value: undefined };
  }

  /** Iterate over the frames of one type; the others that come meanwhile are passed over. */
  async *only<Type extends RelayEvent["type"]>(
    type: Type,
  ): AsyncGenerator<Extract<RelayEvent, { type: Type }>, undefined> {
    for await (const event of this) {
      if (event.type === type) yield event as Extract<RelayEvent, { type: Type }>;
    }
    return undefined;
  }

  // -- what is said

  /** Send a frame; resolves with its answer, or when it is sent if nobody answers. */
  protected say(request: Request): Promise<ServerFrame | null> {
    const { members, correlation, bound, replies, cursor } = request;
    const id = correlation === null ? null : (members[correlation] ?? crypto.randomUUID());
    const given = correlation === null ? members : { ...members, [correlation]: id };
    if (this.#welcome !== null && bound !== null) seeThatBoundFits(bound, this.#welcome.limits);
    const frame = valueToSend(request.shape, defined(given), "") as Record<string, unknown>;
    if (this.#life === null || this.#end !== null) {
      throw this.#end ?? new ClientClosed("this client was not opened yet");
    }
    return new Promise((resolve, reject) => {
      const fits = (line: Line, text: string): string => {
        if (bound !== null) seeThatBoundFits(bound, line.welcome.limits);
        seeThatFrameFits(text, line.welcome.limits);
        return text;
      };
      if (typeof id !== "string") {
        const send = (line: Line): void => {
          line.send(fits(line, JSON.stringify(frame)));
          resolve(null);
        };
        this.#outbox.push({ id: null, send, fail: reject });
      } else {
        const pending = new Pending(id, frame, { replies, cursor }, resolve, reject);
        // An id of the caller's may be that of a message from before this connection.
        const isNew = correlation === null || members[correlation] === undefined;
        const send = (line: Line): void => {
          if (this.#unanswered.has(id)) {
            const place = `/${correlation}`;
            throw new InvalidFrame(place, "another frame with this id waits for an answer");
          }
          const { epoch, head } = line.welcome;
          pending.begin(epoch, Math.max(this.#resume.seen(), isNew ? head : 0));
          const text = fits(line, pending.textIn(epoch));
          this.#unanswered.add(pending);
          line.send(text);
        };
        this.#outbox.push({ id, send, fail: reject });
      }
      this.#stir();
      this.#pump();
    });
  }

  /** Send what waits for its turn, as far as the relay allows. */
  #pump(): void {
    const line = this.#ready;
    while (line !== null && this.#ready === line) {
      const [next] = this.#outbox;
      if (next === undefined) return;
      const isFull = this.#unanswered.size >= line.welcome.limits.unacked_messages;
      if (next.id !== null && isFull) return;
      this.#outbox.shift();
      try {
        next.send(line);
      } catch (error) {
        next.fail(error instanceof Error ? error : new Error("it could not be sent"));
      }
    }
  }

  /** How many wait for an answer. */
  get #asked(): number {
    return this.#unanswered.size + this.#outbox.filter(({ id }) => id !== null).length;
  }

  // -- its life

  async #live(): Promise<void> {
    const { capMs = CAP_MS, attempts = Infinity } = this.#backoff;
    let failures = 0;
    let step = 0;
    while (!this.#stop.signal.aborted) {
      const began = performance.now();
      this.#states.become({ name: "connecting" });
      const why = await this.#oneLine();
      if (this.#stop.signal.aborted) return;
      if (why instanceof Behind) {
        failures = 0;
        this.#states.become({ name: "behind" });
        await this.#caughtUp();
        continue;
      }
      if (why instanceof LineLost) {
        failures = 0;
        // One that welcomes and hangs up at once is left more and more time.
        if (performance.now() - began > capMs) step = 0;
      } else if (why instanceof NoLine) {
        failures += 1;
        if (!why.reconnect || failures >= attempts) throw why;
      } else {
        throw why;
      }
      const retryAfterS = why instanceof NoLine ? why.retryAfterS : undefined;
      await this.#pause(delayMs(this.#backoff, step, retryAfterS), why);
      step += 1;
    }
  }

  /** Connect, and stay until the line is over; returns why it is. */
  async #oneLine(): Promise<Error> {
    const { signal } = this.#stop;
    let line: Line;
    try {
      const shown = await this.#entry.show(signal);
      if (signal.aborted) return new ClientClosed();
      line = new Line(this.#entry.url(this.#resume.query()), shown, this.#way, this.#ear);
    } catch (error) {
      return error instanceof Error ? error : new RelayUnreachable("there is nothing to show");
    }
    this.#line = line;
    const why = await line.over;
    this.#line = null;
    this.#ready = null;
    if (signal.aborted || why instanceof BrokenFrame || why instanceof RelayClosed) {
      await line.gone();
      return why;
    }
    line.leave(why);
    return why instanceof NotOpened ? await this.#entry.whyNot(signal) : why;
  }

  async #pause(ms: number, why: RelayProblem): Promise<void> {
    const wake = new AbortController();
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    this.#states.become({ name: "waiting", delayMs: ms, why });
    if (this.#stop.signal.aborted) return;
    const { sleep: sleeping = sleep } = this.#backoff;
    await Promise.race([sleeping(ms, wake.signal), hurried]);
    this.#hurry = () => undefined;
    wake.abort();
  }

  /**
   * Wait until there is room for what comes next. While an answer is awaited it goes back earlier: who
   * awaits it may be the one who would take the frames before it.
   */
  async #caughtUp(): Promise<void> {
    const half = Math.floor(this.#queueFrames / 2);
    while (!this.#stop.signal.aborted && this.#inbox.size > half) {
      const { size } = this.#inbox;
      if (this.#asked > 0 && size < (this.#queueFrames * OVERFLOW) / 2) return;
      const wake = new AbortController();
      const stirred = new Promise<boolean>((resolve) => {
        this.#stir = () => resolve(true);
      });
      const late = sleep(TAKEN_WITHIN_MS, wake.signal).then(() => false);
      const isStirred = await (this.#asked > 0 ? Promise.race([stirred, late]) : stirred);
      wake.abort();
      if (!isStirred) this.#giveUpAnswers();
    }
    this.#stir = () => undefined;
  }

  /** Nobody takes the frames that the answers are behind. */
  #giveUpAnswers(): void {
    const why = "it is behind frames that nobody takes";
    this.#unanswered.fail(why);
    for (const { id, fail } of this.#outbox.filter((said) => said.id !== null)) {
      fail(new Unconfirmed(String(id), why));
    }
    this.#outbox.splice(0, Infinity, ...this.#outbox.filter(({ id }) => id === null));
  }

  #ended(end: Error): void {
    this.#end = end;
    const why = end instanceof ClientClosed ? null : end;
    this.#ready = null;
    this.#opened?.reject(end);
    this.#unanswered.fail(end.message, why ?? undefined);
    for (const { fail } of this.#outbox.splice(0)) fail(end);
    this.#states.become({ name: "closed", why });
    this.#inbox.end();
  }

  // -- what a line tells

  #welcomed(line: Line, welcome: Welcome): void {
    const before = this.#welcome;
    this.#welcome = welcome;
    const place = this.#resume.cameIn(welcome);
    if (before === null) this.#inbox.move(place);
    else if (before.epoch !== welcome.epoch) this.#membersVersion = 0;
    this.#membersVersion = Math.max(this.#membersVersion, welcome.members_version);
    if (before !== null) this.#handOn(welcome);
    for (const pending of this.#unanswered.all()) line.send(pending.textIn(welcome.epoch));
    this.#ready = line;
    this.#opened?.resolve(welcome);
    this.#opened = null;
    this.#states.become({ name: "connected" });
    this.#pump();
  }

  #heard(frame: ServerFrame): void {
    if (frame.type === "ack") {
      this.#resume.acked(frame);
    } else if (frame.type === "member") {
      this.#membersVersion = Math.max(this.#membersVersion, frame.members_version);
    } else if (frame.type === "head") {
      this.#resume.toldOf(frame, performance.now(), this.#way.silenceMs);
    }
    if (this.#unanswered.answeredBy(frame)) this.#pump();
    else if (isEvent(frame)) this.#handOn(frame);
  }

  /** Put a frame into the queue, unless it was there before. */
  #handOn(event: RelayEvent): void {
    const place = this.#resume.placeAfter(event);
    if (this.#resume.isRepeat(event)) {
      this.#inbox.move(place);
    } else {
      const most = this.#queueFrames * (this.#asked > 0 ? OVERFLOW : 1);
      // A socket cannot be told to wait. It is left here, and asked again from here.
      if (this.#inbox.size >= most) throw new Behind("nobody takes what comes");
      this.#inbox.put(event, place);
    }
    this.#resume.handedOn(event, place);
  }
}

/** The members that are given. */
function defined(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function seeThatBoundFits({ place, limit, text }: Bound, limits: Limits): void {
  const bound = limits[limit];
  const size = bytesOf(text());
  if (size > bound) throw new TooLarge(place, limit, bound, size);
}

function seeThatFrameFits(text: string, limits: Limits): void {
  const size = bytesOf(text);
  if (size > limits.frame_bytes) throw new TooLarge("", "frame_bytes", limits.frame_bytes, size);
}
