// The ways in: register, log in, restore a backup, or go on where one was.

import { openBackup } from "../envelope/backup.ts";
import { makeCard } from "../envelope/card.ts";
import { makeKeyPairs } from "../envelope/pairs.ts";
import type { KeyPairs } from "../envelope/pairs.ts";
import { Home, current, setCurrent } from "../store/home.ts";
import { oneAtATime } from "../store/tabs.ts";
import { KeysThere, NoKeys, OthersBackup, ServerRefused } from "./failures.ts";
import { Ilo, keepLocked } from "./ilo.ts";
import type { Progress } from "./ilo.ts";
import { Server } from "./server.ts";
import type { Login } from "./server.ts";

/** What a person types to get in. `apiKey` is empty where the server gives one to everybody. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly apiKey: string;
}

/** Go on with the session that is here; null when there is none. The server is not asked. */
export async function resume(apiUrl: string): Promise<Ilo | null> {
  const username = current();
  if (username === null) return null;
  const home = await Home.open(username);
  const [session, pairs] = [await home.session(), await home.keys()];
  if (session === null || session.token === null || pairs === null) {
    home.close();
    return null;
  }
  const ilo = new Ilo(home, session, pairs, apiUrl);
  if ((await home.note("card")) === "unsent") await ilo.sendCard(false);
  return ilo;
}

/** Make keys and an account, and log in. `passphrase` locks the backup of the keys.
 *
 * Keys that are here for this name already, since an earlier try had no answer, are used. */
export function register(
  apiUrl: string,
  who: Credentials,
  passphrase: string,
  tell: Progress,
): Promise<Ilo> {
  return entering(who.username, async (home) => {
    const server = new Server(apiUrl, null);
    const apiKey = who.apiKey || (await server.makeApiKey());
    const before = await home.keys();
    let pairs = before;
    if (pairs === null) {
      tell("Making your keys …");
      pairs = await keepLocked(home, await makeKeyPairs(), passphrase, tell);
    }
    tell("Registering …");
    const card = await makeCard(pairs, who.username, Date.now(), null);
    try {
      await server.register(who.username, who.password, card, apiKey);
    } catch (error) {
      // They were made for nothing.
      if (error instanceof ServerRefused && before === null) await home.forget();
      throw error;
    }
    tell("Logging in …");
    const login = await server.logIn(who.username, who.password, apiKey);
    return enter(apiUrl, home, login, apiKey, pairs, false);
  });
}

/** Log in with the keys that are here, or with `newKeys`, of which everybody who knows the old ones
 * is warned. Throws `NoKeys`: the keys are elsewhere. */
export function logIn(
  apiUrl: string,
  who: Credentials,
  newKeys: { readonly passphrase: string } | null,
  tell: Progress,
): Promise<Ilo> {
  return entering(who.username, async (home) => {
    tell("Logging in …");
    const { login, apiKey } = await loggedIn(apiUrl, home, who);
    let pairs = newKeys === null ? await home.keys() : null;
    if (pairs === null) {
      if (newKeys === null) {
        await new Server(apiUrl, login.token).logOut();
        if ((await home.session()) === null) await home.forget();
        throw new NoKeys();
      }
      tell("Making your keys …");
      pairs = await keepLocked(home, await makeKeyPairs(), newKeys.passphrase, tell);
    }
    return enter(apiUrl, home, login, apiKey, pairs, newKeys !== null);
  });
}

/** Log in with the keys of a backup, which this browser keeps from now on, under its passphrase.
 *
 * Throws `Refused`: it is no backup, or another passphrase; `OthersBackup`; `KeysThere`: there are
 * other keys of this person here. */
export async function restore(
  apiUrl: string,
  who: Credentials,
  text: string,
  passphrase: string,
  tell: Progress,
): Promise<Ilo> {
  tell("Opening the backup …");
  const backup = await openBackup(text.trim(), passphrase);
  const { username, pairs } = backup;
  if (who.username !== "" && username !== who.username) throw new OthersBackup(username);
  return entering(username, async (home) => {
    const before = await home.keys();
    if (before !== null && before.identity.public.kid !== pairs.identity.public.kid) {
      throw new KeysThere();
    }
    tell("Logging in …");
    const { login, apiKey } = await loggedIn(apiUrl, home, { ...who, username });
    // An old backup does not take away a newer key.
    const isOlder = before !== null && pairs.encryption.length < before.encryption.length;
    if (!isOlder) await home.keepKeys(pairs, text.trim());
    return enter(apiUrl, home, login, apiKey, isOlder ? before : pairs, false);
  });
}

async function enter(
  apiUrl: string,
  home: Home,
  { token, relay_url: relayUrl, expires_at: expiresAt }: Login,
  apiKey: string,
  pairs: KeyPairs,
  takesOver: boolean,
): Promise<Ilo> {
  const { username } = home;
  const session = { username, apiKey, relayUrl, token, expiresAt };
  await home.keepSession(session);
  setCurrent(username);
  const ilo = new Ilo(home, session, pairs, apiUrl);
  await ilo.sendCard(takesOver);
  return ilo;
}

// Of somebody who was never here nothing is kept when that fails.
async function loggedIn(
  apiUrl: string,
  home: Home,
  who: Credentials,
): Promise<{ readonly login: Login; readonly apiKey: string }> {
  const server = new Server(apiUrl, null);
  try {
    const apiKey = await keyFor(home, server, who);
    return { login: await server.logIn(who.username, who.password, apiKey), apiKey };
  } catch (error) {
    if ((await home.session()) === null && (await home.keys()) === null) await home.forget();
    throw error;
  }
}

async function keyFor(home: Home, server: Server, who: Credentials): Promise<string> {
  return who.apiKey || ((await home.session())?.apiKey ?? (await server.makeApiKey()));
}

function entering(username: string, work: (home: Home) => Promise<Ilo>): Promise<Ilo> {
  return oneAtATime(username, "keys", async () => {
    const home = await Home.open(username);
    try {
      return await work(home);
    } catch (error) {
      home.close();
      throw error;
    }
  });
}
