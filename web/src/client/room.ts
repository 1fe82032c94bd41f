// A room: what is said there, and what is heard.

import { RoomClient } from "ilo-relay";
import type { Member, MessageOut, Position, RelayEvent, State, Welcome } from "ilo-relay";

import { Refused } from "../envelope/errors.ts";
import { Outbox } from "../store/outbox.ts";
import { Received } from "../store/received.ts";
import type { Change, RoomEvent, Said, Sent } from "./events.ts";
import { NotLoggedIn, RoomClosed, ServerRefused, Unreachable } from "./failures.ts";
import type { Ilo } from "./ilo.ts";
import { pause } from "./pause.ts";
import { Reading, notShown } from "./reading.ts";
import { kidsOf, rosterOf } from "./roster.ts";
import type { Roster } from "./roster.ts";
import { Sending } from "./sending.ts";
import type { UnderWay } from "./sending.ts";

// So long after the newest event was shown, when nothing follows, that is written down.
const IDLE_MS = 100;
// So many events may be shown before that is written down in any case.
const UNWRITTEN = 50;
// How long the members are believed to have the same keys, without hearing of another.
const ROSTER_MS = 30_000;
// How long to ask again for the members while the server does not answer.
const PATIENCE_MS = 60_000;

// What of the members' changes is told as it is.
const LASTING = ["joined", "left", "removed"] as const;

/** Who shows a room. */
export interface Viewer {
  readonly happened: (event: RoomEvent) => void;
  readonly line: (state: State) => void;
  /** It is over, and why: nothing follows. */
  readonly ended: (why: unknown) => void;
}

/** A room from where this person was in it, and from the beginning the first time.
 *
 * When the line is lost it comes back by itself: every message comes once, in its order. */
export class Room {
  readonly name: string;
  readonly #ilo: Ilo;
  readonly #viewer: Viewer;
  readonly #received: Received;
  readonly #reading: Reading;
  #client: RoomClient | null = null;
  #welcomed: Promise<Welcome> | null = null;
  #sending: Sending | null = null;
  #roster: Roster | null = null;
  #rosterAt = 0;
  #told = new Set<string>();
  #isFirstTime = false;
  #newest: Position | null = null;
  #shown: Position | null = null;
  #unwritten = 0;
  #writing: ReturnType<typeof setTimeout> | undefined;

  constructor(ilo: Ilo, name: string, viewer: Viewer) {
    this.name = name;
    this.#ilo = ilo;
    this.#viewer = viewer;
    this.#received = new Received(ilo.home.db, name);
    const pairs = () => ilo.pairs;
    this.#reading = new Reading(name, ilo.username, pairs, ilo.people.pins, this.#received);
  }

  // -- begin and end

  /** Connect, and hear what happens. Throws why the relay does not let this person in. */
  async open(): Promise<void> {
    const { memory, home, server, relayUrl, username } = this.#ilo;
    const cursor = await memory.cursor(this.name);
    this.#isFirstTime = cursor === null;
    const { api } = server;
    const place = cursor === null ? { since: 0 } : { since: cursor.seq, epoch: cursor.epoch };
    const client = new RoomClient(relayUrl, { room: this.name, api, ...place });
    client.subscribe(this.#viewer.line);
    this.#client = client;
    const sender = {
      room: this.name,
      username,
      pairs: () => this.#ilo.pairs,
      roster: (isFresh: boolean) => this.#rosterToSend(isFresh),
      inTurn: <R>(work: () => Promise<R>) => this.#ilo.oneAtATime(`sending to ${this.name}`, work),
    };
    this.#sending = new Sending(client, sender, new Outbox(home.db, this.name, await home.device()));
    this.#welcomed = client.open();
    const welcome = await this.#welcomed;
    if (this.#client !== client) return;
    this.#newest = { epoch: welcome.epoch, seq: welcome.head };
    await this.#cameIn(welcome);
    // Where nothing is to be heard, what comes is unread from here on.
    if (cursor === null && welcome.floor > welcome.head) this.#reached(this.#newest);
    void this.#hear(client);
    this.sendUnderWay().catch(() => {
      // It is kept: whoever sends next hears of what is wrong.
    });
  }

  /** Say goodbye. Closing twice is once. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await this.#writePlace();
    await client?.close();
  }

  /** Try now, if the line is lost: the network may be there again. */
  retryNow(): void {
    this.#client?.retryNow();
  }

  /** Look at the members again: of somebody it is known now that another tab changed it. */
  forgetMembers(): void {
    this.#roster = null;
  }

  /** Whom nothing can be encrypted for: they have no valid card. */
  get unreachable(): readonly string[] {
    return this.#roster?.unreachable ?? [];
  }

  // -- what is said

  /** Say something, as the message `id`; resolves when the server has stored it. `begun` is called
   * when it is kept here: from then on it goes out once, now or when the room is opened again. */
  async send(id: string, text: string, begun: () => void): Promise<Sent> {
    await this.#welcomed;
    return this.#sender().send(id, text, begun);
  }

  /** What is kept here and was not acknowledged. */
  async underWay(): Promise<UnderWay | null> {
    return this.#sender().underWay();
  }

  async sendUnderWay(): Promise<void> {
    await this.#sender().sendRest();
  }

  /** Tell the others that this person types. Not encrypted, and not kept. */
  async sendTyping(isTyping: boolean): Promise<void> {
    const client = this.#opened();
    if (client.isConnected) await client.sendSignal({ typing: isTyping });
  }

  /** Up to `limit` older messages, oldest first: the newest ones, or those before the seq `before`. */
  async history(
    before: number | null,
    limit: number,
  ): Promise<{ readonly said: readonly Said[]; readonly more: boolean }> {
    const client = this.#opened();
    const options = before === null ? { limit } : { before, limit };
    const { messages, more } = await client.sendHistory(options);
    for (const sender of new Set(messages.map((message) => message.sender))) {
      const isKnown = sender === this.#ilo.username || (await this.#ilo.people.pins.of(sender));
      if (!isKnown) await this.#pin(sender);
    }
    return { said: await this.#reading.page(messages, client.welcome.epoch), more };
  }

  // -- what comes

  async #hear(client: RoomClient): Promise<void> {
    try {
      for await (const frame of client) {
        const place = client.cursor;
        if (frame.type === "message" || frame.type === "gap") this.#newest = place;
        const events = await this.#meaning(frame, place);
        if (this.#client !== client) return;
        this.#say(events);
        this.#reached(place);
      }
    } catch (error) {
      await this.#writePlace();
      if (this.#client === client) this.#viewer.ended(error);
    }
  }

  async #meaning(frame: RelayEvent, place: Position): Promise<readonly RoomEvent[]> {
    switch (frame.type) {
      case "message":
        this.#isFirstTime = false;
        return this.#message(frame, place.epoch);
      case "welcome":
        return this.#cameIn(frame);
      case "member":
        return this.#member(frame);
      case "gap":
        return this.#gap(frame.reason);
      case "presence":
        return [{ kind: "presence", online: frame.online }];
      case "signal":
        return typeof frame.data["typing"] === "boolean"
          ? [{ kind: "typing", name: frame.sender, isTyping: frame.data["typing"] }]
          : [];
      default:
        return [];
    }
  }

  async #message(frame: MessageOut, epoch: string): Promise<readonly RoomEvent[]> {
    const events: RoomEvent[] = [];
    let found = await this.#live(frame, epoch);
    if (found instanceof Refused && ["unpinned", "key-changed"].includes(found.code)) {
      events.push(...(await this.#pin(frame.sender)));
      // A changed key stays refused until the person accepts it.
      if (found.code === "unpinned") found = await this.#live(frame, epoch);
    }
    if (found instanceof Refused) return [...events, notShown(frame, found)];
    const { shown } = found;
    if (shown === null) return events;
    let { strangers } = found;
    if (strangers.length > 0 && this.#isFresh(frame, epoch)) {
      // Somebody may have joined, and nobody told us yet.
      events.push(...(await this.#lookIfPossible()));
      strangers = await this.#received.strangers(strangers, { epoch, seq: frame.seq });
    }
    if (strangers.length === 0) return [...events, shown];
    return [...events, { ...shown, warnings: [...shown.warnings, "unknown-recipient"] }];
  }

  async #live(frame: MessageOut, epoch: string): ReturnTypeOfLive {
    try {
      return await this.#reading.live(frame, epoch);
    } catch (error) {
      if (error instanceof Refused) return error;
      throw error;
    }
  }

  #isFresh(frame: MessageOut, epoch: string): boolean {
    const { welcome } = this.#opened();
    return epoch !== welcome.epoch || frame.seq > welcome.head;
  }

  async #gap(reason: string): Promise<readonly RoomEvent[]> {
    const isFirst = this.#isFirstTime;
    this.#isFirstTime = false;
    await this.#received.gapTold();
    // Where one never was nothing is missing.
    return isFirst && reason === "retention" ? [] : [{ kind: "gap", reason }];
  }

  async #member(frame: Member): Promise<readonly RoomEvent[]> {
    const events: RoomEvent[] = [{ kind: "members" }];
    const what = LASTING.find((event) => event === frame.event);
    if (frame.username !== undefined && what !== undefined) {
      events.push({ kind: "change", what, name: frame.username });
    }
    return [...events, ...(await this.#lookIfPossible())];
  }

  async #cameIn(welcome: Welcome): Promise<readonly RoomEvent[]> {
    await this.#received.forget(welcome.epoch, welcome.floor);
    this.#say([{ kind: "presence", online: welcome.online }, { kind: "members" }]);
    this.#say(await this.#lookIfPossible());
    return [];
  }

  // -- where one is

  #reached(place: Position): void {
    this.#shown = place;
    this.#unwritten += 1;
    clearTimeout(this.#writing);
    if (this.#unwritten >= UNWRITTEN) void this.#writePlace();
    else this.#writing = setTimeout(() => void this.#writePlace(), IDLE_MS);
  }

  async #writePlace(): Promise<void> {
    const place = this.#shown;
    clearTimeout(this.#writing);
    this.#shown = null;
    this.#unwritten = 0;
    if (place !== null) await this.#ilo.memory.keepCursor(this.name, place.epoch, place.seq);
  }

  // -- members

  // Looks at the members; when that fails, whoever needs them looks again.
  async #lookIfPossible(): Promise<readonly Change[]> {
    this.#roster = null;
    try {
      return (await this.#look()).changes;
    } catch (error) {
      if (!isOfTheServer(error)) throw error;
      return [];
    }
  }

  // The members, and what is new about them.
  async #look(): Promise<{ readonly roster: Roster; readonly changes: readonly Change[] }> {
    const newest = this.#newest;
    const { server, memory, people, username } = this.#ilo;
    const found = await server.room(this.name);
    const banned = await memory.expelled(this.name);
    const roster = await rosterOf(found, username, people.pins, banned);
    if (newest !== null) await this.#received.membersAre(kidsOf(roster), newest);
    this.#roster = roster;
    this.#rosterAt = performance.now();
    const changes: Change[] = [
      ...roster.changed.map((name) => ({ kind: "change", what: "key-changed", name }) as const),
      ...roster.expelled.map((name) => ({ kind: "change", what: "still-listed", name }) as const),
    ];
    const told = this.#told;
    this.#told = new Set(changes.map(wordsOf));
    return { roster, changes: changes.filter((change) => !told.has(wordsOf(change))) };
  }

  async #rosterToSend(isFresh: boolean): Promise<Roster> {
    const client = this.#opened();
    const roster = this.#roster;
    if (roster !== null && !isFresh && (await this.#isGood(roster, client))) return roster;
    const begun = performance.now();
    for (let attempt = 0; ; attempt += 1) {
      try {
        const looked = await this.#look();
        this.#say(looked.changes);
        return looked.roster;
      } catch (error) {
        const isPatient = performance.now() - begun < PATIENCE_MS;
        if (!(error instanceof Unreachable) || !isPatient) throw error;
        await pause(attempt);
      }
    }
  }

  async #isGood(roster: Roster, client: RoomClient): Promise<boolean> {
    const isRecent = performance.now() - this.#rosterAt < ROSTER_MS;
    const isCurrent = roster.version >= client.membersVersion;
    if (!isRecent || !isCurrent || roster.changed.length > 0) return false;
    // Whom this person removed counts at once, whatever the server tells.
    const banned = await this.#ilo.memory.expelled(this.name);
    return ![...banned].some((name) => roster.pins.has(name));
  }

  // Looks at somebody's card, and pins them if they are new.
  async #pin(name: string): Promise<readonly Change[]> {
    let shown: string;
    try {
      shown = (await this.#ilo.server.user(name)).detail;
    } catch (error) {
      if (!isOfTheServer(error)) throw error;
      return [];
    }
    const pin = await this.#ilo.people.pins.see(name, shown);
    const change: Change = { kind: "change", what: "key-changed", name };
    if (pin?.person.state !== "changed" || this.#told.has(wordsOf(change))) return [];
    this.#told.add(wordsOf(change));
    this.#roster = null;
    return [change];
  }

  // -- the rest

  #say(events: readonly RoomEvent[]): void {
    for (const event of events) this.#viewer.happened(event);
  }

  #sender(): Sending {
    if (this.#client === null || this.#sending === null) throw new RoomClosed();
    return this.#sending;
  }

  #opened(): RoomClient {
    if (this.#client === null) throw new RoomClosed();
    return this.#client;
  }
}

type ReturnTypeOfLive = Promise<Awaited<ReturnType<Reading["live"]>> | Refused>;

function isOfTheServer(error: unknown): boolean {
  return (
    error instanceof Unreachable || error instanceof ServerRefused || error instanceof NotLoggedIn
  );
}

function wordsOf({ what, name }: Change): string {
  return JSON.stringify([what, name]);
}
