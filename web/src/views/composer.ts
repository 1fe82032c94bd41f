// The box to say something: Enter sends, Shift and Enter begins a line.

import { h } from "./dom.ts";

// The others are told at most this often that somebody types, and that they stopped after this.
const TOLD_MS = 3000;
const STOPPED_MS = 5000;

export class Composer {
  readonly element: HTMLFormElement;
  readonly #box: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #typing: (isTyping: boolean) => void;
  readonly #keep: (draft: string) => void;
  #toldAt = -Infinity;
  #stopping: ReturnType<typeof setTimeout> | undefined;

  /** `say` gets what is to be sent, `typing` whether something is typed, `keep` what to keep. */
  constructor(
    say: (text: string) => void,
    typing: (isTyping: boolean) => void,
    keep: (draft: string) => void,
  ) {
    this.#typing = typing;
    this.#keep = keep;
    this.#box = h("textarea", {
      rows: "1",
      dir: "auto",
      "aria-label": "Message",
      placeholder: "Message",
    });
    this.#send = h("button", { type: "submit", class: "primary" }, "Send");
    this.element = h("form", { class: "composer" }, this.#box, this.#send);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(say);
    });
    this.#box.addEventListener("keydown", (event) => {
      // Enter within a composed character belongs to the keyboard's own program.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit(say);
    });
    this.#box.addEventListener("input", () => {
      this.#typed();
    });
  }

  get text(): string {
    return this.#box.value;
  }

  set text(text: string) {
    this.#box.value = text;
    this.#fit();
  }

  get isEnabled(): boolean {
    return !this.#send.disabled;
  }

  set isEnabled(isEnabled: boolean) {
    this.#send.disabled = !isEnabled;
  }

  focus(): void {
    this.#box.focus();
  }

  close(): void {
    clearTimeout(this.#stopping);
  }

  #submit(say: (text: string) => void): void {
    const { value } = this.#box;
    if (value.trim() === "" || !this.isEnabled) return;
    this.text = "";
    this.#keep("");
    this.#stopped();
    say(value);
    this.focus();
  }

  #typed(): void {
    this.#fit();
    this.#keep(this.#box.value);
    if (this.#box.value === "") {
      this.#stopped();
      return;
    }
    clearTimeout(this.#stopping);
    this.#stopping = setTimeout(() => {
      this.#stopped();
    }, STOPPED_MS);
    if (performance.now() - this.#toldAt < TOLD_MS) return;
    this.#toldAt = performance.now();
    this.#typing(true);
  }

  #stopped(): void {
    clearTimeout(this.#stopping);
    if (this.#toldAt === -Infinity) return;
    this.#toldAt = -Infinity;
    this.#typing(false);
  }

  // As many lines as are typed, up to six.
  #fit(): void {
    this.#box.rows = Math.min(6, Math.max(1, this.#box.value.split("\n").length));
  }
}
