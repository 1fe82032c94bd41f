// Where the page begins: go on where this person was, or show the ways in.

import { resume } from "./client/account.ts";
import type { Ilo } from "./client/ilo.ts";
import { button, h, put } from "./views/dom.ts";
import { Desk } from "./views/desk.ts";
import { WaysIn } from "./views/ways_in.ts";
import { problemOf } from "./views/words.ts";

// The page may be served below a proxy's prefix.
const API_URL = new URL(".", document.baseURI).href.replace(/\/$/, "");
const place = h("div", { id: "app" });

function showWaysIn(notice: string, isKnown: boolean): void {
  const ways = new WaysIn(API_URL, notice, (ilo, isNew) => {
    showDesk(ilo, isNew);
  });
  put(place, ways.element);
  ways.show(isKnown ? "log-in" : "register");
}

function showDesk(ilo: Ilo, isNew: boolean): void {
  const desk = new Desk(ilo, (words) => {
    showWaysIn(words, true);
  });
  put(place, desk.element);
  // What is here is not to be cleared when the disk is full.
  void navigator.storage.persist();
  void desk.open(isNew);
}

function showTrouble(words: string): void {
  put(
    place,
    h(
      "main",
      { class: "ways-in" },
      h("h1", {}, "Ilo"),
      h("p", { class: "problem", role: "alert" }, words),
      button("Try again", () => {
        location.reload();
      }),
    ),
  );
}

// What the page cannot do without, in words; empty when it is all there.
async function missing(): Promise<string> {
  if (!isSecureContext) return "This page needs a connection with TLS: its address begins with https.";
  try {
    await crypto.subtle.generateKey("Ed25519", false, ["sign"]);
    await navigator.locks.request("ilo: there are locks", () => Promise.resolve());
  } catch {
    return "This browser is too old for the encryption that Ilo uses.";
  }
  return "";
}

async function begin(): Promise<void> {
  document.body.append(place);
  const words = await missing();
  if (words !== "") {
    showTrouble(words);
    return;
  }
  try {
    const ilo = await resume(API_URL);
    if (ilo === null) showWaysIn("", false);
    else showDesk(ilo, false);
  } catch (error) {
    showTrouble(problemOf(error).words);
  }
}

void begin();
