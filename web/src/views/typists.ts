// Who types: the server's word, and forgotten when nothing follows.

import { h, put, sentence } from "./dom.ts";

const FORGOTTEN_MS = 6000;

export class Typists {
  readonly element = h("p", { class: "typists", "aria-live": "polite" });
  readonly #names = new Map<string, ReturnType<typeof setTimeout>>();

  heard(name: string, isTyping: boolean): void {
    clearTimeout(this.#names.get(name));
    const isNews = isTyping !== this.#names.has(name);
    this.#names.delete(name);
    if (isTyping) {
      const forget = setTimeout(() => {
        this.heard(name, false);
      }, FORGOTTEN_MS);
      this.#names.set(name, forget);
    }
    if (isNews) this.#draw();
  }

  close(): void {
    for (const timer of this.#names.values()) clearTimeout(timer);
    this.#names.clear();
  }

  #draw(): void {
    const [first, ...others] = this.#names.keys();
    if (first === undefined) put(this.element);
    else if (others.length === 0) put(this.element, ...sentence("{} is typing …", first));
    else put(this.element, `${String(others.length + 1)} people are typing …`);
  }
}
