// The page of somebody who is logged in: the rooms, and the one that is looked at.

import { NotLoggedIn } from "../client/failures.ts";
import type { Ilo, RoomInfo } from "../client/ilo.ts";
import { button, h, nameOf, put } from "./dom.ts";
import { saveBackup, showAccount } from "./keys.ts";
import { RoomList } from "./rooms.ts";
import { Talk } from "./talk.ts";
import { titleOf } from "./words.ts";

// So often the server is asked for the rooms, for what is unread in those that are not open.
const LOOK_MS = 10_000;

export class Desk {
  readonly element = h("div", { class: "desk" });
  readonly #ilo: Ilo;
  readonly #loggedOut: (words: string) => void;
  readonly #list: RoomList;
  readonly #place = h("div", { class: "place" });
  readonly #notices = h("div", { class: "notices" });
  #rooms: readonly RoomInfo[] = [];
  #talk: Talk | null = null;
  // The room that is shown, empty for none; null before anything is.
  #shown: string | null = null;
  // The room that this person asked for last.
  #entering: string | null = null;
  #looking: ReturnType<typeof setInterval> | undefined;
  #unheard = 0;
  #isClosed = false;

  /** `loggedOut` is called when the session is over, with what to say of it. */
  constructor(ilo: Ilo, loggedOut: (words: string) => void) {
    this.#ilo = ilo;
    this.#loggedOut = loggedOut;
    this.#list = new RoomList(ilo, {
      open: (room) => {
        this.#entering = room;
        location.hash = room;
      },
      roomsChanged: () => this.#look(),
      showAccount: () => {
        showAccount(ilo, () => {
          this.#leave("You are logged out.");
        });
      },
    });
    put(this.element, this.#list.element, this.#place);
    ilo.heard = (news) => {
      if (news === "logged-out") this.#leave("You logged out in another tab.");
      else if (news === "rooms") void this.#look();
      else if (news === "people") this.#talk?.peopleChanged();
    };
    addEventListener("hashchange", this.#onHash);
    addEventListener("online", this.#onOnline);
    document.addEventListener("visibilitychange", this.#onVisible);
  }

  async open(offersBackup: boolean): Promise<void> {
    this.#looking = setInterval(() => void this.#look(), LOOK_MS);
    if (offersBackup) this.#offerBackup();
    if (!this.#ilo.isMyCard) {
      const words =
        "The server shows another key as yours than the one in this browser. What others send now is " +
        "not for you here. Restore the newest backup, or make new keys.";
      this.#notices.append(h("p", { class: "bar alarm", role: "alert" }, words));
    }
    await this.#look();
    await this.#show();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#looking);
    removeEventListener("hashchange", this.#onHash);
    removeEventListener("online", this.#onOnline);
    document.removeEventListener("visibilitychange", this.#onVisible);
    await this.#talk?.close();
    this.#ilo.close();
    document.title = "Ilo";
  }

  readonly #onHash = () => void this.#show();
  readonly #onOnline = () => {
    this.#talk?.retryNow();
    void this.#look();
  };
  readonly #onVisible = () => {
    if (document.hidden) return;
    this.#unheard = 0;
    this.#drawTitle();
    void this.#look();
  };

  // Looks at the rooms; when the server does not answer, that is said, and tried again.
  async #look(): Promise<void> {
    if (this.#ilo.isEnding) return;
    try {
      this.#rooms = await this.#ilo.rooms();
      this.#list.answers(true);
    } catch (error) {
      if (this.#isClosed || this.#ilo.isEnding) return;
      if (error instanceof NotLoggedIn) await this.#endSession();
      else this.#list.answers(false);
      return;
    }
    if (this.#isClosed) return;
    this.#list.show(this.#rooms, this.#talk?.room ?? null);
    const info = this.#rooms.find(({ name }) => name === this.#talk?.room);
    if (info !== undefined) this.#talk?.informed(info);
    this.#drawTitle();
  }

  // Shows the room that the address names, or none.
  async #show(): Promise<void> {
    const room = location.hash.slice(1);
    if (room === this.#shown) return;
    this.#shown = room;
    const before = this.#talk;
    this.#talk = null;
    const mayEnter = room === "" || (await this.#mayEnter(room));
    if (this.#shown === room && !this.#isClosed) {
      if (room === "") this.#showNone();
      else if (mayEnter) this.#showRoom(room);
      else this.#askToEnter(room);
    }
    await before?.close();
    await this.#look();
  }

  // Who connects to an open room has joined it, and is seen there: no link alone may do that.
  async #mayEnter(room: string): Promise<boolean> {
    if (room === this.#entering || room.startsWith("~")) return true;
    const isListed = this.#rooms.some(({ name }) => name === room);
    return isListed || (await this.#ilo.memory.cursor(room)) !== null;
  }

  #askToEnter(room: string): void {
    this.element.classList.add("in-room");
    put(
      this.#place,
      this.#notices,
      h(
        "main",
        { class: "none" },
        h("h1", {}, nameOf(room)),
        h("p", {}, "You are not in this open room. Everybody in it will see that you came."),
        h(
          "div",
          { class: "actions" },
          button("Not now", () => {
            location.hash = "";
          }),
          button("Come in", () => {
            this.#entering = room;
            this.#shown = null;
            void this.#show();
          }, { class: "primary" }),
        ),
      ),
    );
    this.#place.querySelector<HTMLElement>(".actions button")?.focus();
  }

  #showRoom(room: string): void {
    const known = this.#rooms.find(({ name }) => name === room);
    const info = known ?? {
      name: room,
      label: null,
      isPrivate: room.startsWith("~"),
      isInvitation: false,
      owner: null,
      unread: null,
    };
    const talk = new Talk(this.#ilo, info, {
      roomsChanged: () => void this.#look(),
      left: () => {
        location.hash = "";
      },
      heard: () => {
        if (document.hidden) this.#unheard += 1;
        this.#drawTitle();
      },
    });
    this.#talk = talk;
    this.element.classList.add("in-room");
    put(this.#place, this.#notices, talk.element);
    talk.focus();
    void talk.open();
  }

  #showNone(): void {
    this.element.classList.remove("in-room");
    put(
      this.#place,
      this.#notices,
      h(
        "main",
        { class: "none" },
        h("h1", {}, "Ilo"),
        h("p", {}, "Choose a room, or make one. What is said there only those in it can read."),
      ),
    );
    this.#list.element.querySelector<HTMLElement>(".room, button")?.focus();
  }

  #offerBackup(): void {
    const bar = h("div", { class: "bar", role: "status" });
    put(
      bar,
      h("span", {}, "Your keys are in this browser alone: save a backup of them."),
      button("Save the backup", async () => {
        await saveBackup(this.#ilo);
        bar.remove();
      }, { class: "primary" }),
      button("Later", () => {
        bar.remove();
      }),
    );
    this.#notices.append(bar);
  }

  async #endSession(): Promise<void> {
    if (this.#isClosed) return;
    await this.#ilo.forgetSession();
    this.#leave("The session is over: log in again.");
  }

  #leave(words: string): void {
    if (this.#isClosed) return;
    void this.close();
    this.#loggedOut(words);
  }

  #drawTitle(): void {
    const room = this.#talk?.room;
    const label = this.#rooms.find(({ name }) => name === room)?.label ?? null;
    const count = this.#unheard === 0 ? "" : `(${String(this.#unheard)}) `;
    document.title = `${count}${room === undefined ? "" : `${titleOf(room, label)} – `}Ilo`;
  }
}
