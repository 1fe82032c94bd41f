// One person in this browser: their session, their keys, and what else there is one of.

import { readEncryptionKey, readIdentityKey } from "../envelope/keys.ts";
import type { Members } from "../envelope/keys.ts";
import type { KeyPairs } from "../envelope/pairs.ts";
import type { JsonObject } from "../envelope/strict.ts";
import { Database } from "./database.ts";
import type { KeptPair } from "./rows.ts";

const CURRENT = "ilo.current";

/** What lets a person in. `token` is null after a logout. */
export interface Session {
  readonly username: string;
  readonly apiKey: string;
  readonly relayUrl: string;
  readonly token: string | null;
  readonly expiresAt: string;
}

interface KeptKeys {
  readonly identity: KeptPair;
  readonly encryption: readonly KeptPair[];
}

/** The person who was here last, and did not log out. */
export function current(): string | null {
  return localStorage.getItem(CURRENT);
}

export function setCurrent(username: string | null): void {
  if (username === null) localStorage.removeItem(CURRENT);
  else localStorage.setItem(CURRENT, username);
}

export class Home {
  readonly username: string;
  readonly db: Database;

  private constructor(username: string, db: Database) {
    this.username = username;
    this.db = db;
  }

  /** The home of `username`, made if it is not there; throws `NotKept`. */
  static async open(username: string): Promise<Home> {
    const home = new Home(username, await Database.open(`ilo/${username}`));
    await home.#nameDevice();
    return home;
  }

  close(): void {
    this.db.close();
  }

  /** Forget this person, keys and all. */
  async forget(): Promise<void> {
    this.db.close();
    await Database.forget(`ilo/${this.username}`);
  }

  /** This browser's name among the devices of its person; a random UUID. */
  async device(): Promise<string> {
    return String(await this.note("device"));
  }

  async session(): Promise<Session | null> {
    return ((await this.note("session")) as Session | undefined) ?? null;
  }

  keepSession(session: Session): Promise<void> {
    return this.keepNote("session", session);
  }

  /** The keys that are here, which cannot be taken out; null when there are none. */
  async keys(): Promise<KeyPairs | null> {
    const kept = (await this.note("keys")) as KeptKeys | undefined;
    if (kept === undefined) return null;
    const { identity, encryption } = kept;
    return {
      identity: { public: await readIdentityKey(json(identity.members)), private: identity.private },
      encryption: await Promise.all(
        encryption.map(async ({ members, private: secret }) => ({
          public: await readEncryptionKey(json(members)),
          private: secret,
        })),
      ),
    };
  }

  /** The backup of the keys that are here, under the passphrase that was chosen for it. */
  async backup(): Promise<string | null> {
    return ((await this.note("backup")) as string | undefined) ?? null;
  }

  /** Keep `pairs`, which must not be extractable, and the backup that they were opened from. */
  async keepKeys(pairs: KeyPairs, backup: string): Promise<void> {
    const all = [pairs.identity, ...pairs.encryption];
    if (all.some((pair) => pair.private.extractable)) throw new TypeError("these keys can be taken");
    const keys: KeptKeys = {
      identity: { members: pairs.identity.public.members, private: pairs.identity.private },
      encryption: pairs.encryption.map((pair) => ({
        members: pair.public.members,
        private: pair.private,
      })),
    };
    await this.db.write(["notes"], async (step) => {
      await step.put("notes", { name: "keys", value: keys });
      await step.put("notes", { name: "backup", value: backup });
    });
  }

  async note(name: string): Promise<unknown> {
    const row = await this.db.read(["notes"], (step) => step.get("notes", name));
    return row?.value;
  }

  /** Keep a note; undefined forgets it. */
  async keepNote(name: string, value: unknown): Promise<void> {
    await this.db.write(["notes"], (step) =>
      value === undefined ? step.remove("notes", name) : step.put("notes", { name, value }),
    );
  }

  async #nameDevice(): Promise<void> {
    const value = crypto.randomUUID();
    await this.db.write(["notes"], async (step) => {
      if ((await step.get("notes", "device")) === null) {
        await step.put("notes", { name: "device", value });
      }
    });
  }
}

function json(members: Members): JsonObject {
  return new Map(Object.entries(members));
}
