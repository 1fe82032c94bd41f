// Why something that came from elsewhere is not believed: a code, and a sentence for people.

// In the order in which an envelope is checked; the last two are of backups.
const WORDS = {
  "format": "It is not written as an encrypted message has to be.",
  "alg": "It names another algorithm than its key has.",
  "room": "It was written for another room.",
  "sender": "It was written by somebody else than the server says.",
  "recipients": "The list of who can read it was altered.",
  "not-for-me": "It was not encrypted for this person's keys.",
  "decrypt": "It cannot be decrypted: it was altered, or encrypted for another key.",
  "unpinned": "Nobody has seen the sender's key yet.",
  "key-changed": "The sender's key is another one than before.",
  "signature": "The sender's signature does not hold.",
  "binding": "What the sender signed differs from what stands outside.",
  "replay": "It was said before, or comes in another order than it was said.",
  "passphrase": "The passphrase is wrong, or the file was altered.",
  "cost": "Opening it would cost more, or protects less, than is allowed.",
} as const;

export type Code = keyof typeof WORDS;

/** Thrown for what is refused. Holds nothing of what was said and no key. */
export class Refused extends Error {
  readonly code: Code;

  constructor(code: Code) {
    super(WORDS[code]);
    this.name = "Refused";
    this.code = code;
  }
}
