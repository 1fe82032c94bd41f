// Comparing: the 60 digits that two people read to each other, and what follows from them.

import type { Ilo } from "../client/ilo.ts";
import { keyToCompare } from "../client/people.ts";
import { spaced } from "../envelope/safety.ts";
import type { Person } from "../store/pins.ts";
import { Dialog } from "./dialog.ts";
import { button, h, put, sentence } from "./dom.ts";
import { Complaint } from "./fields.ts";

const STATES: Readonly<Record<Person["state"], string>> = {
  "new": "not compared yet",
  "seen": "not compared yet",
  "verified": "compared",
  "changed": "the key changed",
  "no-card": "has no key",
};

/** What is known of somebody's key, in few words. */
export function stateWords(state: Person["state"]): string {
  return STATES[state];
}

/** Show the number to compare with `name`; `done` is called when something was decided. */
export async function compare(ilo: Ilo, name: string, done: () => void): Promise<void> {
  const body = h("div", {}, h("p", { role: "status" }, "Looking …"));
  const dialog = new Dialog(`Compare with ${name}`, [body]).show();
  const complaint = new Complaint();
  put(body, complaint.element);
  await complaint.around(async () => {
    const person = await ilo.people.person(name);
    const digits = await ilo.people.numberOf(person);
    put(body, ...whatToDo(ilo, person, digits, complaint, () => {
      dialog.close();
      ilo.tellPeople();
      done();
    }));
  });
}

function whatToDo(
  ilo: Ilo,
  person: Person,
  digits: string | null,
  complaint: Complaint,
  done: () => void,
): readonly Node[] {
  const { name, state } = person;
  const kid = keyToCompare(person);
  if (digits === null || kid === null) {
    return [
      h("p", {}, ...sentence("The server shows no valid key of {}.", name)),
      h("p", {}, "Nothing can be encrypted for them until it does."),
    ];
  }
  const act = (words: string, work: () => Promise<unknown>, kind = "") =>
    button(words, () =>
      complaint.around(async () => {
        await work();
        done();
      }), { class: kind });
  const same = act("They are the same", () => ilo.people.verify(name, kid), "primary");
  const anyway = act("Accept without comparing", () => ilo.people.accept(name, kid), "danger");
  const isChanged = state === "changed";
  return [
    isChanged
      ? h(
          "p",
          { class: "alarm" },
          ...sentence(
            "The key of {} is another one than before. They may have set up Ilo anew; " +
              "or somebody reads along. Ask them, by another way than this one.",
            name,
          ),
        )
      : h("p", {}, ...sentence("Read these digits to {}, face to face or by telephone.", name)),
    digitsOf(digits),
    h("p", {}, "If they see the same ones, nobody is between you."),
    state === "verified" ? h("p", { class: "good" }, "✓ You have compared them.") : "",
    complaint.element,
    h("div", { class: "actions" }, ...(isChanged ? [anyway] : []), same),
  ].map((part) => (typeof part === "string" ? document.createTextNode(part) : part));
}

function digitsOf(digits: string): HTMLElement {
  return h(
    "p",
    { class: "digits", "aria-label": "Safety number", role: "group" },
    ...spaced(digits)
      .split(" ")
      .flatMap((group, nth) => [nth === 0 ? "" : " ", h("span", {}, group)]),
  );
}
