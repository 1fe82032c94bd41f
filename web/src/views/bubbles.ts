// How what is shown of a room looks: a list item for each, made anew only when it changed.

import type { Said } from "../client/events.ts";
import type { Item, Note, Outgoing } from "./conversation.ts";
import { button, h, nameOf, sentence } from "./dom.ts";
import { dayOf, notShownWords, timeOf, warningWords } from "./words.ts";

interface Made {
  readonly item: Item;
  readonly element: HTMLElement;
}

export class Bubbles {
  readonly #made = new Map<string, Made>();
  readonly #days = new Map<string, HTMLElement>();
  readonly #again: (outgoing: Outgoing) => void;

  /** `again` is called with what is to be tried again. */
  constructor(again: (outgoing: Outgoing) => void) {
    this.#again = again;
  }

  /** The elements of `items`, with a line for each day. */
  of(items: readonly Item[]): readonly HTMLElement[] {
    const found: HTMLElement[] = [];
    const used = new Set<string>();
    let day = "";
    for (const item of items) {
      const key = keyOf(item);
      used.add(key);
      if (item.kind === "message" || item.kind === "not-shown") {
        const next = dayOf(item.sentAt);
        if (next !== day && next !== "") found.push(this.#day(next));
        day = next === "" ? day : next;
      }
      found.push(this.#element(key, item));
    }
    for (const key of this.#made.keys()) if (!used.has(key)) this.#made.delete(key);
    return found;
  }

  #day(day: string): HTMLElement {
    const before = this.#days.get(day);
    if (before !== undefined) return before;
    const element = h("li", { class: "day" }, h("span", {}, day));
    this.#days.set(day, element);
    return element;
  }

  #element(key: string, item: Item): HTMLElement {
    const before = this.#made.get(key);
    if (before?.item === item) return before.element;
    const element = this.#make(item);
    this.#made.set(key, { item, element });
    return element;
  }

  #make(item: Item): HTMLElement {
    switch (item.kind) {
      case "note":
        return note(item);
      case "outgoing":
        return this.#outgoing(item);
      default:
        return said(item);
    }
  }

  #outgoing(item: Outgoing): HTMLElement {
    const words = { sending: "sending …", sent: "sent", kept: item.words, failed: item.words };
    const isWrong = item.state === "kept" || item.state === "failed";
    return h(
      "li",
      { class: `bubble own ${item.state}` },
      h("p", { class: "text", dir: "auto" }, item.text),
      h("p", { class: isWrong ? "meta wrong" : "meta" }, words[item.state]),
      isWrong
        ? button("Try again", () => {
            this.#again(item);
          })
        : null,
    );
  }
}

function keyOf(item: Item): string {
  return item.kind === "note" || item.kind === "outgoing" ? item.key : `seq-${String(item.seq)}`;
}

function note({ words, name, isAlarm }: Note): HTMLElement {
  const parts = name === "" ? [words] : sentence(words, name);
  return h("li", { class: isAlarm ? "note alarm" : "note" }, h("span", {}, ...parts));
}

function said(item: Said): HTMLElement {
  const time = timeOf(item.sentAt);
  if (item.kind === "not-shown") {
    return h(
      "li",
      { class: "bubble not-shown" },
      h("p", { class: "sender" }, nameOf(item.sender)),
      h("p", { class: "text" }, notShownWords(item.code)),
      h("p", { class: "meta" }, time),
    );
  }
  const warnings = warningWords(item.warnings);
  return h(
    "li",
    { class: `bubble${item.isOwn ? " own" : ""}${warnings === "" ? "" : " warned"}` },
    item.isOwn
      ? h("p", { class: "unseen" }, "You said:")
      : h("p", { class: "sender" }, nameOf(item.sender)),
    h("p", { class: "text", dir: "auto" }, item.text),
    h(
      "p",
      { class: "meta" },
      h("time", { datetime: item.sentAt }, time),
      warnings === "" ? null : h("span", { class: "wrong" }, ` · ${warnings}`),
    ),
  );
}
