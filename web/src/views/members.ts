// Who is in a room, and what can be done about it.

import type { Ilo, MemberInfo, RoomInfo } from "../client/ilo.ts";
import { compare, stateWords } from "./compare.ts";
import { Dialog, confirmed } from "./dialog.ts";
import { button, h, nameOf, put } from "./dom.ts";
import { Complaint, Field, Form } from "./fields.ts";
import { titleOf } from "./words.ts";

/** What a room's dialog does beyond itself. */
export interface Doings {
  /** The members, or what is known of them, are others now. */
  readonly changed: () => void;
  /** This person is in the room no more. */
  readonly left: () => void;
}

/** Show the members of `room`, and what its own people may do. */
export function showMembers(ilo: Ilo, room: RoomInfo, doings: Doings): void {
  const isMine = room.isPrivate && room.owner === ilo.username;
  const list = h("ul", { class: "members" });
  const complaint = new Complaint();
  const look = () =>
    complaint.around(async () => {
      const members = await ilo.members(room.name);
      put(list, ...members.map(row));
    });
  const changed = () => {
    doings.changed();
    void look();
  };

  const row = (member: MemberInfo): HTMLElement => {
    const { person, isInvited } = member;
    const isMe = person.name === ilo.username;
    const words = isMe ? "you" : stateWords(person.state);
    return h(
      "li",
      { class: `member ${person.state}` },
      h(
        "span",
        { class: "who" },
        nameOf(person.name),
        h(
          "span",
          { class: "meta" },
          `${words}${isInvited ? ", invited" : ""}${person.name === room.owner ? ", owner" : ""}`,
        ),
      ),
      isMe || person.state === "no-card"
        ? null
        : button("Compare", () => compare(ilo, person.name, changed), {
            "aria-label": `Compare with ${person.name}`,
          }),
      isMine && !isMe
        ? button(
            "Remove",
            () => {
              const title = `Remove ${person.name}?`;
              const words = "They read nothing that is said from then on.";
              confirmed(title, words, "Remove", () =>
                complaint.around(async () => {
                  await ilo.remove(room.name, person.name);
                  changed();
                }),
              );
            },
            { "aria-label": `Remove ${person.name}` },
          )
        : null,
    );
  };

  const dialog = new Dialog(titleOf(room.name, room.label), [
    h("p", { class: "meta" }, kindWords(room, isMine)),
    list,
    complaint.element,
    ...(isMine ? [inviting(ilo, room, changed)] : []),
    ...(room.isPrivate ? [labelling(ilo, room, doings)] : []),
    ending(ilo, room, isMine, complaint, () => {
      dialog.close();
      doings.left();
    }),
  ]).show();
  void look();
}

function kindWords({ isPrivate }: RoomInfo, isMine: boolean): string {
  if (!isPrivate) return "An open room: everybody on this server can come in, and reads along.";
  return isMine ? "A private room of yours: you invite." : "A private room: its owner invites.";
}

function inviting(ilo: Ilo, room: RoomInfo, changed: () => void): HTMLElement {
  const name = new Field("name", "Invite somebody", { hint: "Their name on this server." });
  return new Form([name], "Invite", async () => {
    await ilo.invite(room.name, name.value);
    name.input.value = "";
    changed();
  }).element;
}

function labelling(ilo: Ilo, room: RoomInfo, { changed }: Doings): HTMLElement {
  const hint = "Only you see it, in this browser.";
  const label = new Field("", "What you call this room", {
    hint,
    isOptional: true,
    value: room.label ?? "",
  });
  return new Form([label], "Rename", async () => {
    await ilo.setLabel(room.name, label.value.trim());
    changed();
  }).element;
}

function ending(
  ilo: Ilo,
  room: RoomInfo,
  isMine: boolean,
  complaint: Complaint,
  left: () => void,
): HTMLElement {
  const leave = button("Leave the room", () => {
    const words = "What was said there may be out of reach then.";
    confirmed("Leave the room?", words, "Leave", () =>
      complaint.around(async () => {
        await ilo.leave(room.name);
        left();
      }),
    );
  });
  const remove = button(
    "Delete the room",
    () => {
      const words = "It is deleted for everybody, with all that was said there.";
      confirmed("Delete the room?", words, "Delete", () =>
        complaint.around(async () => {
          await ilo.deleteRoom(room.name);
          left();
        }),
      );
    },
    { class: "danger" },
  );
  return h("div", { class: "actions" }, leave, isMine ? remove : null);
}
