// The list of rooms and invitations.

import type { Ilo, RoomInfo } from "../client/ilo.ts";
import { Dialog } from "./dialog.ts";
import { button, h, nameOf, put } from "./dom.ts";
import { Complaint, Field, Form } from "./fields.ts";
import { titleOf } from "./words.ts";

const ROOM = /^(~[A-Za-z0-9_-]{22}|[A-Za-z0-9][A-Za-z0-9._-]{0,63})$/;

/** What the desk does for the list. */
export interface Desk {
  readonly open: (room: string) => void;
  readonly roomsChanged: () => Promise<void>;
  readonly showAccount: () => void;
}

export class RoomList {
  readonly element: HTMLElement;
  readonly #ilo: Ilo;
  readonly #desk: Desk;
  readonly #body = h("div", { class: "rooms" });
  readonly #state = h("p", { class: "meta", role: "status" }, "looking …");
  readonly #complaint = new Complaint();

  constructor(ilo: Ilo, desk: Desk) {
    this.#ilo = ilo;
    this.#desk = desk;
    this.element = h(
      "nav",
      { class: "side", "aria-label": "Rooms" },
      h(
        "header",
        {},
        h("h2", {}, "Rooms"),
        button("+ New", () => {
          this.#showNew();
        }, { class: "plain", "aria-label": "New room" }),
      ),
      this.#body,
      this.#complaint.element,
      h(
        "footer",
        {},
        h("div", { class: "title" }, nameOf(ilo.username), this.#state),
        button("Account", desk.showAccount, { class: "plain" }),
      ),
    );
  }

  /** Whether the server answers. */
  answers(yes: boolean): void {
    this.#state.textContent = yes ? "connected" : "the server does not answer, trying again …";
  }

  /** Show `rooms`; `current` is the one that is looked at. */
  show(rooms: readonly RoomInfo[], current: string | null): void {
    const invitations = rooms.filter(({ isInvitation }) => isInvitation);
    const joined = rooms.filter(({ isInvitation }) => !isInvitation);
    joined.sort((a, b) => Number(a.isPrivate) - Number(b.isPrivate) || compareTitles(a, b));
    const focused = document.activeElement?.getAttribute("data-room");
    put(
      this.#body,
      invitations.length === 0 ? null : h("h3", {}, "Invitations"),
      invitations.length === 0
        ? null
        : h("ul", {}, ...invitations.map((room) => this.#invitation(room))),
      joined.length === 0
        ? h("p", { class: "hint" }, "You are in no room yet. Make one, or come into one by its name.")
        : h("ul", {}, ...joined.map((room) => this.#room(room, current))),
    );
    if (focused) this.#body.querySelector<HTMLElement>(`[data-room="${focused}"]`)?.focus();
  }

  #room(room: RoomInfo, current: string | null): HTMLElement {
    const isCurrent = room.name === current;
    const unread = isCurrent ? 0 : (room.unread ?? 0);
    const kind = room.isPrivate ? "◆" : "#";
    const element = button("", () => {
      this.#desk.open(room.name);
    }, { "data-room": room.name, class: "room" });
    put(
      element,
      h("span", { "aria-hidden": "true" }, kind),
      h("span", { class: "unseen" }, room.isPrivate ? "private room" : "open room"),
      nameOf(titleOf(room.name, room.label)),
      unread === 0
        ? null
        : h(
            "span",
            { class: "unread" },
            unread > 99 ? "99+" : String(unread),
            h("span", { class: "unseen" }, " unread"),
          ),
    );
    if (isCurrent) element.setAttribute("aria-current", "true");
    return h("li", {}, element);
  }

  #invitation(room: RoomInfo): HTMLElement {
    const owner = room.owner ?? "somebody";
    const act = (words: string, work: () => Promise<void>, kind: string) =>
      button(words, () =>
        this.#complaint.around(async () => {
          await work();
          await this.#desk.roomsChanged();
        }), { class: kind, "aria-label": `${words} the invitation of ${owner}` });
    return h(
      "li",
      { class: "invitation" },
      h("span", {}, nameOf(owner), " invites you"),
      h(
        "div",
        { class: "actions" },
        act("Decline", () => this.#ilo.leave(room.name), ""),
        act("Accept", async () => {
          await this.#ilo.accept(room.name);
          this.#desk.open(room.name);
        }, "primary"),
      ),
    );
  }

  #showNew(): void {
    const label = new Field("", "What you call it", { hint: "Only you see it, in this browser." });
    const make = new Form([label], "Make a private room", async () => {
      const room = await this.#ilo.createRoom(label.value.trim());
      dialog.close();
      // Until the list is here nobody knows that it is their own room, and may invite.
      await this.#desk.roomsChanged();
      this.#desk.open(room);
    });
    const name = new Field("room", "Its name", { hint: "Letters, digits, dots, - and _." });
    const join = new Form([name], "Come in", () => {
      const room = name.value.trim();
      if (!ROOM.test(room)) {
        name.complain("A room's name has up to 64 letters, digits, dots, - and _.");
        name.input.focus();
      } else {
        dialog.close();
        this.#desk.open(room);
      }
      return Promise.resolve();
    });
    const dialog = new Dialog("New room", [
      h("section", {}, h("h3", {}, "Private"), h("p", {}, "Only whom you invite."), make.element),
      h(
        "section",
        {},
        h("h3", {}, "Open"),
        h("p", {}, "Everybody on this server who knows its name can come in."),
        join.element,
      ),
    ]).show();
  }
}

function compareTitles(a: RoomInfo, b: RoomInfo): number {
  return titleOf(a.name, a.label).localeCompare(titleOf(b.name, b.label));
}
