// Forms: a field with its label, its hint and what is wrong with it; and the work that they start.

import { button, h, put } from "./dom.ts";
import type { Field as Place } from "./words.ts";
import { problemOf } from "./words.ts";

let count = 0;

interface More {
  readonly type?: string;
  readonly hint?: string;
  readonly autocomplete?: string;
  readonly isOptional?: boolean;
  readonly value?: string;
}

/** An input under its label. */
export class Field {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  readonly place: Place;
  readonly #problem: HTMLElement;

  constructor(place: Place, label: string, more: More = {}) {
    const { type = "text", hint = "", autocomplete = "off", isOptional = false, value = "" } = more;
    const id = `field-${String((count += 1))}`;
    this.place = place;
    this.#problem = h("span", { class: "problem", id: `${id}-problem` });
    this.input = h("input", {
      id,
      type,
      autocomplete,
      required: !isOptional,
      spellcheck: "false",
      autocapitalize: "none",
      dir: type === "text" ? "auto" : false,
      "aria-describedby": `${id}-hint ${id}-problem`,
    });
    this.input.value = value;
    this.input.addEventListener("input", () => {
      this.complain("");
    });
    this.element = h(
      "div",
      { class: "field" },
      h("label", { for: id }, label),
      type === "password"
        ? h("div", { class: "turned" }, this.input, this.#turning(label))
        : this.input,
      h("span", { class: "hint", id: `${id}-hint` }, hint),
      this.#problem,
    );
  }

  get value(): string {
    return this.input.value;
  }

  // What is typed blind is typed wrong, and a passphrase cannot be asked for again.
  #turning(label: string): HTMLElement {
    const words = h("span", {}, "Show");
    const turn = button("", () => {
      const isHidden = this.input.type === "password";
      this.input.type = isHidden ? "text" : "password";
      words.textContent = isHidden ? "Hide" : "Show";
    });
    put(turn, words, h("span", { class: "unseen" }, ` what stands in ${label}`));
    return turn;
  }

  /** Say what is wrong; with empty words nothing is. */
  complain(words: string): void {
    this.#problem.textContent = words;
    if (words === "") this.input.removeAttribute("aria-invalid");
    else this.input.setAttribute("aria-invalid", "true");
  }
}

/** A form whose work takes a while: meanwhile it says what it does, and cannot be sent again. */
export class Form {
  readonly element: HTMLFormElement;
  readonly #fields: readonly Field[];
  readonly #problem = h("p", { class: "problem", role: "alert" });
  readonly #progress = h("p", { class: "progress", role: "status" });
  readonly #submit: HTMLButtonElement;

  /** `work` does what the form is for; what it throws is said where it belongs. */
  constructor(
    fields: readonly Field[],
    submit: string,
    work: (tell: (words: string) => void) => Promise<void>,
    ...more: readonly Node[]
  ) {
    this.#fields = fields;
    this.#submit = h("button", { type: "submit", class: "primary" }, submit);
    this.element = h(
      "form",
      { novalidate: true },
      ...fields.map(({ element }) => element),
      ...more,
      this.#problem,
      this.#progress,
      h("div", { class: "actions" }, this.#submit),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#run(work);
    });
  }

  get isBusy(): boolean {
    return this.#submit.disabled;
  }

  async #run(work: (tell: (words: string) => void) => Promise<void>): Promise<void> {
    if (this.isBusy || !this.#isFilled()) return;
    this.#problem.textContent = "";
    this.#submit.disabled = true;
    try {
      await work((words) => {
        this.#progress.textContent = words;
      });
    } catch (error) {
      this.#complain(error);
    } finally {
      this.#submit.disabled = false;
      this.#progress.textContent = "";
    }
  }

  #isFilled(): boolean {
    const empty = this.#fields.filter(({ input }) => input.required && input.value === "");
    for (const field of empty) field.complain("This is needed.");
    empty[0]?.input.focus();
    return empty.length === 0;
  }

  #complain(error: unknown): void {
    const { words, field: place } = problemOf(error);
    const field = this.#fields.find((one) => one.place === place);
    if (field === undefined) this.#problem.textContent = words;
    else {
      field.complain(words);
      field.input.focus();
    }
  }
}

/** A line that says what went wrong, or is not there. */
export class Complaint {
  readonly element = h("p", { class: "problem", role: "alert" });

  /** Do `work`, and say what it throws. */
  async around(work: () => Promise<void>): Promise<void> {
    put(this.element);
    try {
      await work();
    } catch (error) {
      this.element.textContent = problemOf(error).words;
    }
  }
}
