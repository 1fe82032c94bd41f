// A person's account in this browser: the backup of their keys, new keys, and the end of sessions.

import type { Ilo } from "../client/ilo.ts";
import { Dialog } from "./dialog.ts";
import { button, h, nameOf } from "./dom.ts";
import { Complaint, Field, Form } from "./fields.ts";

/** Let the browser save `text`. */
function save(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  h("a", { href: address, download: name }).click();
  // Chromium reads it after the click.
  setTimeout(() => {
    URL.revokeObjectURL(address);
  }, 60_000);
}

/** Save the backup of the keys that are here. */
export async function saveBackup(ilo: Ilo): Promise<void> {
  const text = await ilo.home.backup();
  if (text === null) return;
  const name = ilo.username.replace(/[^\p{L}\p{N}._-]/gu, "_");
  save(text, `ilo-${name}.backup.txt`);
  await ilo.home.keepNote("backup saved", true);
}

/** Show what can be done about the account; `loggedOut` is called when the session is over. */
export function showAccount(ilo: Ilo, loggedOut: () => void): void {
  const complaint = new Complaint();
  const said = h("p", { role: "status", class: "good" });
  const say = (words: string) => {
    said.textContent = words;
  };
  const dialog = new Dialog("Account and keys", [
    h("p", {}, "You are ", nameOf(ilo.username), "."),
    h(
      "section",
      {},
      h("h3", {}, "Backup"),
      h(
        "p",
        {},
        "Your keys are in this browser alone, and it does not give them out. Without a backup they " +
          "are gone with it. The file opens with the passphrase that you chose, here and in every " +
          "other client.",
      ),
      button("Save the backup", () =>
        complaint.around(async () => {
          await saveBackup(ilo);
          say("The backup was handed to the browser to save.");
        }), { class: "primary" }),
      changing(ilo, say),
    ),
    rotating(ilo, say),
    h(
      "section",
      {},
      h("h3", {}, "Sessions"),
      h("p", {}, "Your keys stay in this browser when you log out."),
      h(
        "div",
        { class: "actions" },
        button("Log out elsewhere", () =>
          complaint.around(async () => {
            await ilo.server.logOutElsewhere();
            say("All other sessions are over.");
          }),
        ),
        button("Log out", () =>
          complaint.around(async () => {
            await ilo.logOut();
            dialog.close();
            loggedOut();
          }),
        ),
      ),
    ),
    complaint.element,
    said,
  ]).show();
}

function changing(ilo: Ilo, say: (words: string) => void): HTMLElement {
  const old = new Field("passphrase", "Passphrase of now", { type: "password" });
  const next = new Field("", "New passphrase", { type: "password", autocomplete: "new-password" });
  const form = new Form([old, next], "Change the passphrase", async (tell) => {
    await ilo.changePassphrase(old.value, next.value, tell);
    [old.input.value, next.input.value] = ["", ""];
    say("The passphrase was changed: save the backup again.");
  });
  return h("details", {}, h("summary", {}, "Change the passphrase"), form.element);
}

function rotating(ilo: Ilo, say: (words: string) => void): HTMLElement {
  const passphrase = new Field("passphrase", "Passphrase of the backup", { type: "password" });
  const form = new Form([passphrase], "Make a new key", async (tell) => {
    await ilo.rotateKeys(passphrase.value, tell);
    passphrase.input.value = "";
    say("Others use the new key from now on: save the backup again.");
  });
  return h(
    "section",
    {},
    h("h3", {}, "New key"),
    h(
      "p",
      {},
      "Others encrypt for a new key from now on; old messages still open. Who you are stays the ",
      "same, so nobody is warned.",
    ),
    h("details", {}, h("summary", {}, "Make a new key"), form.element),
  );
}
