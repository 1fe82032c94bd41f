// A room that is looked at: what is said there, and the box to say something.

import type { State } from "ilo-relay";

import { KeysChanged } from "../client/failures.ts";
import type { RoomEvent } from "../client/events.ts";
import type { Ilo, RoomInfo } from "../client/ilo.ts";
import { Room } from "../client/room.ts";
import type { Unsent } from "../store/drafts.ts";
import { Bubbles } from "./bubbles.ts";
import { compare } from "./compare.ts";
import { Composer } from "./composer.ts";
import { Conversation } from "./conversation.ts";
import type { Outgoing } from "./conversation.ts";
import { arrange, button, h, nameOf, put, sentence } from "./dom.ts";
import { showMembers } from "./members.ts";
import { Typists } from "./typists.ts";
import { changeWords, gapWords, problemOf, titleOf } from "./words.ts";

const PAGE = 50;
// The picture is made anew at most this often.
const FRAME_MS = 16;
// Who is this near to the end sees the end also when something follows.
const NEAR_PX = 48;
const NOT_YET = "Not confirmed: it goes out when you are in this room again.";

/** What the desk is told. */
export interface Desk {
  /** The list of rooms may be another one. */
  readonly roomsChanged: () => void;
  /** This person is not in the room any more, or wants to see the list. */
  readonly left: () => void;
  /** Something was said, and by whom not by me. */
  readonly heard: () => void;
}

export class Talk {
  readonly element = h("main", { class: "talk" });
  readonly room: string;
  readonly #ilo: Ilo;
  readonly #desk: Desk;
  readonly #line: Room;
  readonly #conversation: Conversation;
  readonly #bubbles: Bubbles;
  readonly #composer: Composer;
  readonly #typists: Typists;
  readonly #title = h("h1", { tabindex: "-1", dir: "auto" });
  readonly #state = h("p", { class: "meta", role: "status" });
  readonly #list = h("ol", { class: "messages" });
  readonly #scroll: HTMLElement;
  readonly #earlier: HTMLButtonElement;
  readonly #alarm = h("div", { class: "bar alarm", role: "alert", hidden: true });
  readonly #end = h("div", { class: "bar", role: "alert", hidden: true });
  #info: RoomInfo;
  #connection: State["name"] = "new";
  #online = 0;
  #changed: readonly string[] = [];
  #unreachable: readonly string[] = [];
  #drawing: ReturnType<typeof setTimeout> | undefined;
  #looking: ReturnType<typeof setTimeout> | undefined;
  readonly #closing = new AbortController();
  #isClosed = false;

  constructor(ilo: Ilo, info: RoomInfo, desk: Desk) {
    this.room = info.name;
    this.#ilo = ilo;
    this.#info = info;
    this.#desk = desk;
    this.#line = new Room(ilo, info.name, {
      happened: (event) => {
        this.#happened(event);
      },
      line: (state) => {
        this.#connection = state.name;
        this.#drawHead();
      },
      ended: (why) => {
        this.#ended(why);
      },
    });
    this.#conversation = new Conversation(({ draft }) => {
      ilo.drafts.drop(draft);
    });
    this.#bubbles = new Bubbles((outgoing) => void this.#again(outgoing));
    this.#typists = new Typists();
    this.#composer = new Composer(
      (text) => void this.#say(ilo.drafts.say(info.name, text)),
      (isTyping) => {
        this.#line.sendTyping(isTyping).catch(() => undefined);
      },
      (draft) => {
        ilo.drafts.keep(info.name, draft);
      },
    );
    this.#earlier = button("Earlier messages", () => void this.#showEarlier(), {
      class: "earlier",
      hidden: true,
    });
    this.#scroll = h(
      "div",
      { class: "scroll", tabindex: "0", role: "log", "aria-label": "Messages" },
      this.#earlier,
      this.#list,
    );
    put(
      this.element,
      this.#header(),
      this.#scroll,
      this.#typists.element,
      this.#alarm,
      this.#end,
      this.#composer.element,
    );
    this.#unsent(ilo.drafts.unsent(info.name));
    ilo.drafts.inherit(info.name, this.#closing.signal, (unsent) => {
      this.#unsent(unsent);
      void this.#goOn();
    });
    this.#drawHead();
  }

  // -- begin and end

  async open(): Promise<void> {
    this.#composer.text = this.#ilo.drafts.of(this.room);
    try {
      await this.#line.open();
      await this.#showKept();
      await this.#load(null);
      // An open room begins with who comes first.
      this.#desk.roomsChanged();
    } catch (error) {
      this.#ended(error);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing.abort();
    clearTimeout(this.#drawing);
    clearTimeout(this.#looking);
    this.#typists.close();
    this.#composer.close();
    await this.#line.close();
  }

  focus(): void {
    if (this.#composer.isEnabled) this.#composer.focus();
    else this.#title.focus();
  }

  /** Try now, if the line is lost. */
  retryNow(): void {
    this.#line.retryNow();
  }

  /** The list of rooms says this of the room now. */
  informed(info: RoomInfo): void {
    this.#info = info;
    this.#drawHead();
  }

  /** A key was accepted or compared, here or in another tab. */
  peopleChanged(): void {
    this.#line.forgetMembers();
    void this.#lookAtMembers();
  }

  // -- what happens

  #happened(event: RoomEvent): void {
    switch (event.kind) {
      case "message":
      case "not-shown":
        this.#conversation.heard(event);
        this.#typists.heard(event.sender, false);
        if (event.kind === "not-shown" || !event.isOwn) this.#desk.heard();
        break;
      case "gap":
        // What is here has no place in another sequence, nor in one that went back.
        if (event.reason !== "retention") this.#conversation.clear();
        this.#conversation.note(gapWords(event.reason), true);
        if (event.reason !== "retention") void this.#load(null);
        break;
      case "change":
        this.#conversation.changed(event, changeWords(event.what));
        this.#lookSoon();
        break;
      case "typing":
        this.#typists.heard(event.name, event.isTyping);
        break;
      case "presence":
        this.#online = event.online;
        this.#drawHead();
        break;
      case "members":
        this.#lookSoon();
        break;
    }
    this.#drawSoon();
  }

  #ended(why: unknown): void {
    if (this.#isClosed || this.#ilo.isEnding) return;
    const { words } = problemOf(why);
    put(this.#end, h("span", {}, words), button("Try again", () => void this.#reopen()));
    this.#end.hidden = false;
    this.#composer.isEnabled = false;
    this.#connection = "closed";
    this.#drawHead();
    // If it is the session that is over, the list of rooms finds that out.
    this.#desk.roomsChanged();
  }

  async #reopen(): Promise<void> {
    this.#end.hidden = true;
    this.#composer.isEnabled = true;
    await this.#line.close();
    await this.open();
  }

  // -- what is said

  // What was said before, and does not go out by itself; as far as it is known here.
  #unsent(unsent: readonly Unsent[]): void {
    for (const { key: draft, id, text } of unsent) {
      if (this.#conversation.isThere(id)) this.#ilo.drafts.drop(draft);
      else this.#conversation.unsent(this.#conversation.begin(text, id), "failed", "Not sent.", draft);
    }
    if (unsent.length > 0) this.#drawSoon();
  }

  // It may have to wait for its turn, and the page may be closed meanwhile: it is among the drafts
  // until it is kept.
  async #say({ key: draft, id, text }: Unsent): Promise<void> {
    const key = this.#conversation.begin(text, id);
    this.#drawSoon(true);
    let isKept = false;
    const begun = () => {
      isKept = true;
      this.#ilo.drafts.drop(draft);
    };
    try {
      this.#conversation.sent(key, await this.#line.send(id, text, begun));
    } catch (error) {
      if (error instanceof KeysChanged) this.#changed = error.names;
      const isLeft = isKept && (await this.#keptId()) === id;
      if (isLeft) {
        this.#conversation.unsent(key, "kept", NOT_YET, null);
      } else if (!this.#conversation.isThere(id)) {
        const place = isKept ? this.#ilo.drafts.say(this.room, text, id).key : draft;
        this.#conversation.unsent(key, "failed", `Not sent. ${problemOf(error).words}`, place);
      }
      this.#drawAlarm();
    }
    this.#drawSoon();
  }

  async #again({ key: before, id, text, draft }: Outgoing): Promise<void> {
    this.#conversation.drop(before);
    if (draft !== null) return this.#say({ key: draft, id, text });
    const key = this.#conversation.begin(text, id);
    this.#drawSoon();
    try {
      await this.#line.sendUnderWay();
      if (this.#conversation.outgoing(id) === undefined) return;
      this.#conversation.drop(key);
    } catch (error) {
      if (error instanceof KeysChanged) this.#changed = error.names;
      this.#conversation.unsent(key, "kept", NOT_YET, null);
      this.#drawAlarm();
    }
    this.#drawSoon();
  }

  // The id of what goes out by itself; null when nothing does, or the room was closed meanwhile.
  async #keptId(): Promise<string | null> {
    try {
      return (await this.#line.underWay())?.id ?? null;
    } catch {
      return null;
    }
  }

  // What was said before the page was closed, and has no answer yet.
  async #showKept(): Promise<void> {
    const kept = await this.#line.underWay();
    // It may have come while that was read.
    if (kept === null || this.#conversation.isThere(kept.id)) return;
    const shown = this.#conversation.outgoing(kept.id);
    if (shown !== undefined && shown.state !== "failed") return;
    // The page may have been closed between the two: it is kept, and no draft any more.
    this.#ilo.drafts.drop(shown?.draft ?? null);
    const key = shown?.key ?? this.#conversation.begin(kept.text, kept.id);
    this.#conversation.unsent(key, "kept", NOT_YET, null);
    this.#drawSoon();
  }

  // Another tab is gone: what it left under way is sent from here.
  async #goOn(): Promise<void> {
    try {
      await this.#showKept();
      await this.#line.sendUnderWay();
    } catch {
      // The room is not open yet, or it is kept still.
    }
  }

  // -- the history

  async #load(before: number | null): Promise<void> {
    const { said, more } = await this.#line.history(before, PAGE);
    if (this.#isClosed) return;
    const height = this.#scroll.scrollHeight;
    this.#conversation.page(said, more);
    this.#draw();
    // What was looked at stays where it was.
    if (before !== null) this.#scroll.scrollTop += this.#scroll.scrollHeight - height;
  }

  async #showEarlier(): Promise<void> {
    this.#earlier.disabled = true;
    try {
      await this.#load(this.#conversation.oldest);
    } catch (error) {
      this.#conversation.note(problemOf(error).words, true);
      this.#drawSoon();
    } finally {
      this.#earlier.disabled = false;
    }
  }

  // -- members

  #lookSoon(): void {
    clearTimeout(this.#looking);
    this.#looking = setTimeout(() => void this.#lookAtMembers(), 200);
  }

  async #lookAtMembers(): Promise<void> {
    if (this.#ilo.isEnding) return;
    try {
      const members = await this.#ilo.members(this.room);
      const joined = members.filter(({ isInvited }) => !isInvited).map(({ person }) => person);
      const of = (state: string) =>
        joined.filter((one) => one.state === state && one.name !== this.#ilo.username);
      const before = this.#changed;
      this.#changed = of("changed").map(({ name }) => name);
      this.#unreachable = of("no-card").map(({ name }) => name);
      this.#drawAlarm();
      if (before.length > 0 && this.#changed.length === 0 && !this.#isClosed) await this.#load(null);
    } catch {
      // Who is in the room shows again when the server answers.
    }
  }

  #drawAlarm(): void {
    const [first] = this.#changed;
    const [mute] = this.#unreachable;
    this.#alarm.hidden = first === undefined && mute === undefined;
    if (first !== undefined) {
      const words = "The key of {} changed. Nothing is sent until you compare and accept it.";
      const act = () =>
        compare(this.#ilo, first, () => {
          this.peopleChanged();
          void this.#line.sendUnderWay().catch(() => undefined);
        });
      const open = button("Compare", act, { class: "primary" });
      put(this.#alarm, h("span", {}, ...sentence(words, first)), open);
    } else if (mute !== undefined) {
      const words = "{} has no key: they cannot read what you say.";
      put(this.#alarm, h("span", {}, ...sentence(words, mute)));
    }
  }

  // -- how it looks

  #header(): HTMLElement {
    return h(
      "header",
      {},
      button("☰", this.#desk.left, { class: "plain back", "aria-label": "Rooms" }),
      h("div", { class: "title" }, this.#title, this.#state),
      button("Members", () => {
        showMembers(this.#ilo, this.#info, {
          changed: () => {
            this.#desk.roomsChanged();
            this.peopleChanged();
          },
          left: this.#desk.left,
        });
      }, { class: "plain" }),
    );
  }

  #drawHead(): void {
    const title = titleOf(this.room, this.#info.label);
    if (this.#title.textContent !== title) put(this.#title, nameOf(title));
    const kind = this.#info.isPrivate ? "private" : "open";
    const online = this.#online === 1 ? "only you are here" : `${String(this.#online)} here`;
    const words = {
      new: "connecting …",
      connecting: "connecting …",
      connected: `${kind}, end-to-end encrypted · ${online}`,
      waiting: "connection lost, trying again …",
      behind: `${kind}, end-to-end encrypted`,
      closed: "not connected",
    }[this.#connection];
    if (this.#state.textContent !== words) this.#state.textContent = words;
    this.element.dataset["line"] = this.#connection;
  }

  #drawSoon(goesToEnd = false): void {
    if (goesToEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#drawing ??= setTimeout(() => {
      this.#draw();
    }, FRAME_MS);
  }

  #draw(): void {
    clearTimeout(this.#drawing);
    this.#drawing = undefined;
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    arrange(this.#list, this.#bubbles.of(this.#conversation.items()));
    this.#earlier.hidden = !this.#conversation.hasEarlier;
    if (isAtEnd) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }
}
