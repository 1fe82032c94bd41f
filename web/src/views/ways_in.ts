// The ways in: register, log in, restore a backup.

import { logIn, register, restore } from "../client/account.ts";
import { NoKeys } from "../client/failures.ts";
import type { Ilo } from "../client/ilo.ts";
import { button, h, nameOf, put } from "./dom.ts";
import { Field, Form } from "./fields.ts";

type Way = "register" | "log-in" | "restore";

const WAYS: readonly (readonly [Way, string])[] = [
  ["register", "Register"],
  ["log-in", "Log in"],
  ["restore", "Restore"],
];
const RULES =
  "At least 8 characters: a number, a lower-case and an upper-case letter, and something else.";
const PASSPHRASE =
  "Locks the backup of your keys. Nobody can replace it: several words are best.";

/** Shows the ways in; `entered` is called with who came in, and whether a backup should be offered. */
export class WaysIn {
  readonly element = h("main", { class: "ways-in" });
  readonly #apiUrl: string;
  readonly #entered: (ilo: Ilo, isNew: boolean) => void;
  readonly #body = h("div");
  readonly #buttons = new Map<Way, HTMLButtonElement>();
  #name = "";

  constructor(apiUrl: string, notice: string, entered: (ilo: Ilo, isNew: boolean) => void) {
    this.#apiUrl = apiUrl;
    this.#entered = entered;
    for (const [way, words] of WAYS) {
      this.#buttons.set(
        way,
        button(words, () => {
          this.show(way);
        }),
      );
    }
    put(
      this.element,
      h("h1", {}, "Ilo"),
      h("p", { class: "lead" }, "Rooms that only those in them can read."),
      notice === "" ? null : h("p", { class: "notice", role: "status" }, notice),
      h("nav", { "aria-label": "Ways in", class: "tabs" }, ...this.#buttons.values()),
      this.#body,
    );
  }

  show(way: Way): void {
    for (const [one, element] of this.#buttons) {
      if (one === way) element.setAttribute("aria-current", "page");
      else element.removeAttribute("aria-current");
    }
    const forms = { "register": this.#register, "log-in": this.#logIn, "restore": this.#restore };
    put(this.#body, forms[way].call(this));
    this.#body.querySelector("input")?.focus();
  }

  #register(): HTMLElement {
    const name = this.#nameField("username");
    const password = new Field("password", "Password", {
      type: "password",
      autocomplete: "new-password",
      hint: RULES,
    });
    const passphrase = newPassphrase();
    const key = apiKey();
    const form = new Form([name, password, passphrase, key], "Register", async (tell) => {
      const who = { username: name.value, password: password.value, apiKey: key.value.trim() };
      this.#entered(await register(this.#apiUrl, who, passphrase.value, tell), true);
    });
    return form.element;
  }

  #logIn(): HTMLElement {
    const name = this.#nameField("username");
    const password = ownPassword();
    const key = apiKey();
    const form = new Form([name, password, key], "Log in", async (tell) => {
      const who = { username: name.value, password: password.value, apiKey: key.value.trim() };
      try {
        this.#entered(await logIn(this.#apiUrl, who, null, tell), false);
      } catch (error) {
        if (!(error instanceof NoKeys)) throw error;
        put(this.#body, this.#withoutKeys(who));
        this.#body.querySelector("h2")?.focus();
      }
    });
    return form.element;
  }

  #withoutKeys(who: Parameters<typeof logIn>[1]): HTMLElement {
    const passphrase = newPassphrase();
    const form = new Form([passphrase], "Make new keys", async (tell) => {
      const { value } = passphrase;
      this.#entered(await logIn(this.#apiUrl, who, { passphrase: value }, tell), true);
    });
    form.element.querySelector(".primary")?.classList.replace("primary", "danger");
    return h(
      "section",
      {},
      h("h2", { tabindex: "-1" }, "Your keys are not in this browser"),
      h("p", {}, nameOf(who.username), " has an account, and its keys are somewhere else."),
      h("p", {}, "Restore a backup of them, and you can read what was said before."),
      button("Restore a backup", () => {
        this.show("restore");
      }, { class: "primary" }),
      h("h3", {}, "Or make new keys"),
      h(
        "p",
        {},
        "Everybody who knows you is warned, and has to accept the new key. What was said before ",
        "stays closed to you here.",
      ),
      form.element,
    );
  }

  #restore(): HTMLElement {
    const file = new Field("backup", "Backup file", { type: "file" });
    const passphrase = new Field("passphrase", "Passphrase of the backup", { type: "password" });
    const password = ownPassword();
    const key = apiKey();
    const form = new Form([file, passphrase, password, key], "Restore", async (tell) => {
      const text = (await file.input.files?.[0]?.text()) ?? "";
      const who = { username: "", password: password.value, apiKey: key.value.trim() };
      this.#entered(await restore(this.#apiUrl, who, text, passphrase.value, tell), false);
    });
    return form.element;
  }

  #nameField(autocomplete: string): Field {
    const name = new Field("name", "Name", { autocomplete, value: this.#name });
    name.input.addEventListener("input", () => {
      this.#name = name.value;
    });
    return name;
  }
}

function ownPassword(): Field {
  return new Field("password", "Password", {
    type: "password",
    autocomplete: "current-password",
  });
}

function newPassphrase(): Field {
  return new Field("passphrase", "Passphrase for the backup", {
    type: "password",
    autocomplete: "new-password",
    hint: PASSPHRASE,
  });
}

function apiKey(): Field {
  const hint = "Only if who runs the server gave you one.";
  return new Field("key", "API key (optional)", { isOptional: true, hint });
}
