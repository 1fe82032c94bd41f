// Somebody who is logged in: their rooms, the people they know, and their keys.

import { lockBackup, openBackup } from "../envelope/backup.ts";
import { makeCard, readCard } from "../envelope/card.ts";
import type { KeyCard } from "../envelope/card.ts";
import { Refused } from "../envelope/errors.ts";
import { withNewEncryptionKey } from "../envelope/pairs.ts";
import type { KeyPairs } from "../envelope/pairs.ts";
import { Drafts } from "../store/drafts.ts";
import { setCurrent } from "../store/home.ts";
import type { Home, Session } from "../store/home.ts";
import { Memory } from "../store/memory.ts";
import { Pins } from "../store/pins.ts";
import type { Person } from "../store/pins.ts";
import { Tabs } from "../store/tabs.ts";
import type { News } from "../store/tabs.ts";
import { NotLoggedIn, ServerRefused } from "./failures.ts";
import { People } from "./people.ts";
import { Server } from "./server.ts";

/** Told in a few words what takes so long. */
export type Progress = (words: string) => void;

/** A room of mine. `unread` are those that came since this browser was there, null if it never was. */
export interface RoomInfo {
  readonly name: string;
  readonly label: string | null;
  readonly isPrivate: boolean;
  readonly isInvitation: boolean;
  readonly owner: string | null;
  readonly unread: number | null;
}

/** Somebody in a room, or invited to it. */
export interface MemberInfo {
  readonly person: Person;
  readonly isInvited: boolean;
}

export class Ilo {
  readonly home: Home;
  readonly memory: Memory;
  readonly drafts: Drafts;
  readonly people: People;
  readonly server: Server;
  /** Whether the server showed this person's own card. If not, others encrypt for keys that are
   * not here, and are warned of what is signed here. */
  isMyCard = true;
  /** Called with what another tab of this person did. */
  heard: (news: News) => void = () => undefined;
  readonly #session: Session;
  readonly #tabs: Tabs;
  #pairs: KeyPairs;
  #isEnding = false;

  constructor(home: Home, session: Session, pairs: KeyPairs, apiUrl: string) {
    this.home = home;
    this.memory = new Memory(home.db);
    this.drafts = new Drafts(session.username);
    this.#session = session;
    this.#pairs = pairs;
    this.server = new Server(apiUrl, session.token);
    const kid = () => this.#pairs.identity.public.kid;
    this.people = new People(new Pins(home.db), this.server, session.username, kid);
    this.#tabs = new Tabs(session.username, (news) => void this.#hear(news));
  }

  get username(): string {
    return this.#session.username;
  }

  get relayUrl(): string {
    return this.#session.relayUrl;
  }

  get pairs(): KeyPairs {
    return this.#pairs;
  }

  /** Do `work` while no other tab of this person does anything under the same words. */
  oneAtATime<R>(what: string, work: () => Promise<R>): Promise<R> {
    return this.#tabs.oneAtATime(what, work);
  }

  close(): void {
    this.drafts.close();
    this.#tabs.close();
    this.home.close();
  }

  /** End this session, in all tabs. Keys and memory stay; log in again to go on. */
  async logOut(): Promise<void> {
    // From here on nobody asks the server anything: it would not know us.
    this.#isEnding = true;
    this.#tabs.tell("logging-out");
    try {
      await this.server.logOut();
    } catch (error) {
      if (!(error instanceof NotLoggedIn)) {
        this.#isEnding = false;
        this.#tabs.tell("stayed");
        throw error;
      }
    }
    await this.forgetSession();
    this.#tabs.tell("logged-out");
  }

  /** Whether this person is logging out, here or in another tab. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  async forgetSession(): Promise<void> {
    await this.home.keepSession({ ...this.#session, token: null });
    setCurrent(null);
  }

  async #hear(news: News): Promise<void> {
    if (news === "logging-out") this.#isEnding = true;
    if (news === "stayed") this.#isEnding = false;
    if (news === "keys") this.#pairs = (await this.home.keys()) ?? this.#pairs;
    this.heard(news);
  }

  // -- rooms

  /** My rooms and invitations, as the server lists them. */
  async rooms(): Promise<readonly RoomInfo[]> {
    const listed = await this.server.rooms();
    const labels = await this.memory.labels();
    const cursors = await this.memory.cursors();
    return listed.map((room) => {
      const read = cursors.get(room.room);
      return {
        name: room.room,
        label: labels.get(room.room) ?? null,
        isPrivate: room.kind === "private",
        isInvitation: room.state === "invited",
        owner: room.owner ?? null,
        unread: read === undefined ? null : Math.max(0, room.head - read),
      };
    });
  }

  /** Make a private room, and return its name; `label` is what this person calls it. */
  async createRoom(label: string): Promise<string> {
    const room = await this.server.makeRoom();
    await this.memory.keepLabel(room, label);
    this.#tabs.tell("rooms");
    return room;
  }

  async setLabel(room: string, label: string): Promise<void> {
    await this.memory.keepLabel(room, label);
    this.#tabs.tell("rooms");
  }

  /** Delete a private room of mine, with all that was said there. */
  async deleteRoom(room: string): Promise<void> {
    await this.server.deleteRoom(room);
    await this.#forgetRoom(room);
    this.#tabs.tell("rooms");
  }

  async #forgetRoom(room: string): Promise<void> {
    this.drafts.forget(room);
    await this.memory.forgetRoom(room);
  }

  /** Invite somebody to a private room of mine; may be repeated. */
  async invite(room: string, name: string): Promise<void> {
    await this.server.putMember(room, name);
    await this.memory.readmit(room, name);
    this.#tabs.tell("people");
  }

  /** Accept an invitation; may be repeated. */
  async accept(room: string): Promise<void> {
    await this.server.putMember(room, this.username);
    this.#tabs.tell("rooms");
  }

  /** Leave a room, or decline an invitation. */
  async leave(room: string): Promise<void> {
    await this.server.deleteMember(room, this.username);
    await this.#forgetRoom(room);
    this.#tabs.tell("rooms");
  }

  /** Remove somebody from a private room of mine, or take an invitation back.
   *
   * From then on nothing is encrypted for them, whatever the server lists, until they are invited
   * again. Does the server refuse it, they are what they were. */
  async remove(room: string, name: string): Promise<void> {
    const before = await this.memory.expelled(room);
    await this.memory.expel(room, name);
    try {
      await this.server.deleteMember(room, name);
    } catch (error) {
      // They stay, and this person knows it.
      if (error instanceof ServerRefused && !before.has(name)) await this.memory.readmit(room, name);
      throw error;
    } finally {
      this.#tabs.tell("people");
    }
  }

  /** Who is in a room or invited to it. Who is `new` is not pinned by that. */
  async members(room: string): Promise<readonly MemberInfo[]> {
    const { members } = await this.server.room(room);
    return Promise.all(
      members.map(async ({ username, public_key: shown, state }) => ({
        person: await this.people.look(username, shown),
        isInvited: state === "invited",
      })),
    );
  }

  /** A key was accepted or compared: tell the other tabs. */
  tellPeople(): void {
    this.#tabs.tell("people");
  }

  // -- keys

  /** Make a new encryption key, which others use from now on; the identity stays. Throws
   * `Refused("passphrase")` when it is not the one of the backup. */
  async rotateKeys(passphrase: string, tell: Progress): Promise<void> {
    await this.oneAtATime("keys", async () => {
      // Another tab may have made one since.
      const text = await this.home.backup();
      if (text === null) throw new Refused("format");
      tell("Opening the keys …");
      const before = await openBackup(text, passphrase, true);
      tell("Making a new key …");
      const pairs = await withNewEncryptionKey(before.pairs);
      // First what opens it, then what lets others use it.
      await this.home.keepNote("card", "unsent");
      this.#pairs = await keepLocked(this.home, pairs, passphrase, tell);
      tell("Telling the server …");
      await this.sendCard(false);
    });
    this.#tabs.tell("keys");
  }

  /** Lock the backup with another passphrase; throws `Refused("passphrase")`. */
  async changePassphrase(old: string, passphrase: string, tell: Progress): Promise<void> {
    await this.oneAtATime("keys", async () => {
      const text = await this.home.backup();
      if (text === null) throw new Refused("format");
      tell("Opening the keys …");
      const { pairs } = await openBackup(text, old, true);
      this.#pairs = await keepLocked(this.home, pairs, passphrase, tell);
    });
    this.#tabs.tell("keys");
  }

  /** See that the server shows this person's card with all their newest keys.
   *
   * Does it show one of another identity, that is left as it is unless this one `takesOver`. */
  async sendCard(takesOver: boolean): Promise<void> {
    const { username } = this;
    const shown = await this.server.user(username);
    const theirs = await cardOrNull(shown.detail, username);
    let [createdAt, previous] = [Date.now(), null as string | null];
    if (theirs !== null) {
      const { identity, encryption } = this.#pairs;
      if (theirs.identity.kid !== identity.public.kid) {
        this.isMyCard = takesOver;
        if (!takesOver) return;
        previous = theirs.identity.kid;
      } else {
        const [newest] = theirs.encryption;
        const isThere = newest?.kid === encryption[0]?.public.kid;
        const isAnothers = !encryption.some((pair) => pair.public.kid === newest?.kid);
        // It is there; or another device has made a newer one.
        if (isThere || isAnothers) return this.home.keepNote("card", undefined);
      }
      // Others take no card that is older than one they have seen, whatever our clock says.
      createdAt = Math.max(createdAt, theirs.createdAt + 1);
    }
    const card = await makeCard(this.#pairs, username, createdAt, previous);
    await this.server.replaceCard(username, card, shown.key_version);
    await this.home.keepNote("card", undefined);
  }
}

/** Lock `pairs` into a backup, keep it, and keep the keys as it gives them back: so that it is
 * known to open, and that they cannot be taken out. */
export async function keepLocked(
  home: Home,
  pairs: KeyPairs,
  passphrase: string,
  tell: Progress,
): Promise<KeyPairs> {
  tell("Locking the backup …");
  const text = await lockBackup({ username: home.username, pairs }, passphrase);
  tell("Trying the backup …");
  const kept = (await openBackup(text, passphrase)).pairs;
  await home.keepKeys(kept, text);
  return kept;
}

async function cardOrNull(text: string, username: string): Promise<KeyCard | null> {
  try {
    return await readCard(text, username);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}
