// Dialogs: over the page, closed by Escape, and the focus comes back to where it was.

import { button, h } from "./dom.ts";

let count = 0;

/** Show `children` under `title` until `close` is called. */
export class Dialog {
  readonly #element: HTMLDialogElement;

  constructor(title: string, children: readonly Node[], closed: () => void = () => undefined) {
    const id = `dialog-${String((count += 1))}`;
    this.#element = h(
      "dialog",
      { "aria-labelledby": id },
      h(
        "header",
        {},
        h("h2", { id, dir: "auto" }, title),
        button("✕", () => {
          this.close();
        }, { "aria-label": "Close", class: "plain" }),
      ),
      h("div", { class: "dialog-body" }, ...children),
    );
    this.#element.addEventListener("close", () => {
      this.#element.remove();
      closed();
    });
  }

  show(): this {
    document.body.append(this.#element);
    this.#element.showModal();
    // What is to be typed, rather than the way out.
    this.#element.querySelector<HTMLElement>(":not(details) > form input")?.focus();
    return this;
  }

  close(): void {
    this.#element.close();
  }
}

/** Ask before something that cannot be taken back; `act` is what is done. */
export function confirmed(title: string, words: string, doIt: string, act: () => unknown): void {
  const dialog = new Dialog(title, [
    h("p", {}, words),
    h(
      "div",
      { class: "actions" },
      button("Cancel", () => {
        dialog.close();
      }),
      button(doIt, () => {
        dialog.close();
        act();
      }, { class: "danger" }),
    ),
  ]).show();
}
