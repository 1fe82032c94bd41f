// The server's REST door: what it answers, or an error that says why not.

import { apiAt } from "ilo-rest";
import type { Api, components } from "ilo-rest";

import { NotLoggedIn, ServerRefused, Unreachable } from "./failures.ts";
import type { Rule } from "./failures.ts";

type Schemas = components["schemas"];
export type Login = Schemas["Login"];
export type PublicUser = Schemas["PublicUser"];
export type RoomOfMine = Schemas["RoomOfMine"];
export type WholeRoom = Pick<Schemas["Room"], "room" | "members_version" | "members" | "owner">;

/** Rooms or members that are asked for at once. */
const PAGE = 100;

interface Answer<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/** The API at `url`. Without a token it is asked what needs none.
 *
 * All methods throw `NotLoggedIn`, `ServerRefused` and `Unreachable`. */
export class Server {
  readonly url: string;
  readonly api: Api;

  constructor(url: string, token: string | null) {
    this.url = url;
    this.api = apiAt(url, token === null ? {} : { token });
  }

  // -- accounts

  async makeApiKey(): Promise<string> {
    return text((await accepted(this.api.POST("/key"))).detail);
  }

  async register(username: string, password: string, card: string, apiKey: string): Promise<void> {
    const body = { username, password, public_key: card, api_key: apiKey };
    await accepted(this.api.POST("/user", { body }));
  }

  async logIn(username: string, password: string, apiKey: string): Promise<Login> {
    const body = { username, password, api_key: apiKey };
    const login = await accepted(this.api.PUT("/user", { body }));
    text(login.token);
    text(login.relay_url);
    return login;
  }

  async logOut(): Promise<void> {
    await accepted(this.api.DELETE("/session"));
  }

  async logOutElsewhere(): Promise<void> {
    await accepted(this.api.DELETE("/session/others"));
  }

  async user(username: string): Promise<PublicUser> {
    const params = { path: { username } };
    const user = await accepted(this.api.GET("/user/{username}", { params }));
    text(user.detail);
    return user;
  }

  async replaceCard(username: string, card: string, ifVersion: number): Promise<void> {
    const params = { path: { username } };
    const body = { public_key: card, if_version: ifVersion };
    await accepted(this.api.PUT("/user/{username}/public_key", { params, body }));
  }

  // -- rooms

  async rooms(): Promise<readonly RoomOfMine[]> {
    const found: RoomOfMine[] = [];
    let after: string | undefined;
    while (true) {
      const query = { limit: PAGE, ...(after === undefined ? {} : { after }) };
      const page = await accepted(this.api.GET("/room", { params: { query } }));
      found.push(...list(page.rooms));
      const last = page.rooms.at(-1);
      if (!page.more || last === undefined) return found;
      after = text(last.room);
    }
  }

  /** A room with all its members, which are those of one `members_version`. */
  async room(room: string): Promise<WholeRoom> {
    let members: Schemas["RoomMember"][] = [];
    let version: number | null = null;
    let after: string | undefined;
    while (true) {
      const query = { limit: PAGE, ...(after === undefined ? {} : { after }) };
      const params = { path: { room }, query };
      const page = await accepted(this.api.GET("/room/{room}", { params }));
      if (version !== null && page.members_version !== version) {
        [members, version, after] = [[], null, undefined];
        continue;
      }
      version = page.members_version;
      for (const member of list(page.members)) {
        text(member.username);
        text(member.public_key);
        members.push(member);
      }
      const last = page.members.at(-1);
      if (!page.more || last === undefined) return { ...page, members };
      after = last.username;
    }
  }

  async makeRoom(): Promise<string> {
    return text((await accepted(this.api.POST("/room", { body: {} }))).room);
  }

  async deleteRoom(room: string): Promise<void> {
    await accepted(this.api.DELETE("/room/{room}", { params: { path: { room } } }));
  }

  async putMember(room: string, username: string): Promise<void> {
    const params = { path: { room, username } };
    await accepted(this.api.PUT("/room/{room}/member/{username}", { params }));
  }

  async deleteMember(room: string, username: string): Promise<void> {
    const params = { path: { room, username } };
    await accepted(this.api.DELETE("/room/{room}/member/{username}", { params }));
  }
}

async function accepted<Data>(asking: Promise<Answer<Data>>): Promise<Data> {
  let answer: Answer<Data>;
  try {
    answer = await asking;
  } catch (error) {
    // Its text may hold the address; the kind is enough.
    throw new Unreachable(error instanceof Error ? error.name : "no answer");
  }
  const { data, error, response } = answer;
  if (response.ok && typeof data === "object" && data !== null) return data;
  throw refusal(error, response);
}

function refusal(problem: unknown, response: Response): Error {
  if (response.ok || response.status >= 500 || typeof problem !== "object" || problem === null) {
    return new Unreachable(`answer ${String(response.status)}`);
  }
  const { type, detail, errors } = problem as Partial<Schemas["Problem"]>;
  const code = String(type).replace("/problems/", "");
  if (code === "not-logged-in") return new NotLoggedIn();
  const rules: Rule[] = (Array.isArray(errors) ? errors : []).map((one) => ({
    place: String(one.pointer),
    words: String(one.detail ?? one.rule),
  }));
  const after = response.headers.get("Retry-After") ?? "";
  return new ServerRefused(code, String(detail), rules, /^\d+$/.test(after) ? Number(after) : null);
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new Unreachable("an answer of another form");
  return value;
}

function list<Item>(value: readonly Item[]): readonly Item[] {
  if (!Array.isArray(value)) throw new Unreachable("an answer of another form");
  return value;
}
