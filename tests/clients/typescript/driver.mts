// Clients of rooms, driven from elsewhere: a line of JSON comes in for each thing to do, and one goes
// out with what came of it. Whoever connects has clients of their own, which end with the connection.
//
//     node driver.mts        prints the port that it listens on

import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { inspect } from "node:util";

import {
  RelayUnreachable,
  RoomClient,
  type RoomOptions,
  type State,
} from "../../../generated_clients/typescript/relay/index.ts";
import { apiAt } from "../../../generated_clients/typescript/rest/index.ts";

type Members = Record<string, unknown>;

interface Order {
  readonly number: number;
  readonly client: number;
  readonly verb: string;
  readonly given: readonly unknown[];
}

/** A client, and what was seen of it. */
class Driven {
  readonly states: State[] = [];
  readonly pauses: number[] = [];
  readonly room: RoomClient;
  readonly #kept: unknown[] = [];
  #held: Promise<void> | null = null;
  #release: () => void = () => undefined;

  constructor(url: string, options: Members) {
    const { api, token, ticket, backoff, isTimed, ...more } = options;
    const waits = {
      random: () => 1,
      sleep: async (ms: number) => {
        this.pauses.push(ms);
        await this.#held;
        // As a timer would: others have their turn.
        await new Promise((resolve) => setTimeout(resolve));
      },
    };
    this.room = new RoomClient(url, {
      ...more,
      ...secretOf("token", token),
      ...secretOf("ticket", ticket),
      ...(api === undefined ? {} : { api: apiAt(...(api as Parameters<typeof apiAt>)) }),
      backoff: { ...(isTimed === true ? {} : waits), ...(backoff as Members | undefined) },
    } as unknown as RoomOptions);
    this.room.subscribe((state) => this.states.push(state));
  }

  async do(verb: string, given: readonly unknown[]): Promise<unknown> {
    switch (verb) {
      case "get":
        return (this.room as unknown as Members)[String(given[0])];
      case "states":
        return this.states;
      case "pauses":
        return this.pauses;
      case "hold":
        this.#held = new Promise((resolve) => {
          this.#release = resolve;
        });
        return null;
      case "release":
        this.#release();
        this.#held = null;
        return null;
      case "shown":
        return inspect([this.room, this.states, this.#kept], { depth: 9, showHidden: true });
      default:
        return await this.#keep(this.#call(verb, given));
    }
  }

  #call(method: string, given: readonly unknown[]): Promise<unknown> {
    const methods = this.room as unknown as Record<string, (...given: unknown[]) => unknown>;
    return Promise.resolve(methods[method]?.call(this.room, ...given.map(special)));
  }

  /** Keep what comes, to be shown. */
  async #keep(coming: Promise<unknown>): Promise<unknown> {
    try {
      const value = await coming;
      this.#kept.push(value);
      return value;
    } catch (error) {
      this.#kept.push(error);
      throw error;
    }
  }
}

/** A secret as it stands, or a function that gives one after the other, or fails as it is told. */
function secretOf(name: string, given: unknown): Members {
  if (given === undefined) return {};
  if (!Array.isArray(given)) return { [name]: given };
  const left = [...given] as (string | null)[];
  const next = (): Promise<string> => {
    const [one] = left.length > 1 ? left.splice(0, 1) : left;
    if (one === null) return Promise.reject(new RelayUnreachable("not now"));
    if (one === undefined || one === "") return Promise.reject(new RangeError("no such user"));
    return Promise.resolve(one);
  };
  return { [name]: next };
}

/** What JSON has no word for. */
function special(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("special" in value)) return value;
  const self: Members = {};
  self["self"] = self;
  const all: Members = {
    undefined,
    NaN: { a: NaN },
    set: { a: new Set(["x"]) },
    date: { a: new Date(0) },
    function: { a: () => 1 },
    hole: { a: [1, , 2] },
    self,
    bigint: { a: 1n },
    half: "\ud800",
  };
  return all[String(value.special)];
}

function told(error: unknown): Members {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, message } = error;
  return { ...error, name, message, shown: inspect(error), hasCause: error.cause !== undefined };
}

/** What the API answers to one call, and what a console prints of it. */
async function rest(
  api: Parameters<typeof apiAt>,
  method: string,
  path: string,
  init: Members,
): Promise<Members> {
  const calls = apiAt(...api) as unknown as Record<string, (...given: unknown[]) => Promise<Members>>;
  const call = calls[method];
  if (call === undefined) throw new TypeError(`there is no ${method}`);
  const answer = await call(path, init);
  const { data, error, response } = answer as Members & { response: Response };
  const shown = inspect([calls, answer], { depth: 9, showHidden: true });
  return { status: response.status, data, error, shown };
}

function serve(socket: Socket): void {
  const clients = new Map<number, Driven>();
  const answer = (number: number, outcome: Members): void => {
    const text = JSON.stringify({ number, ...outcome }, (_, value: unknown) =>
      value instanceof Error ? told(value) : value,
    );
    if (socket.writable) socket.write(`${text}\n`);
  };
  const follow = async ({ number, client, verb, given }: Order): Promise<void> => {
    try {
      let value: unknown = null;
      if (verb === "rest") {
        value = await rest(...(given as Parameters<typeof rest>));
      } else if (verb === "new") {
        clients.set(client, new Driven(...(given as [string, Members])));
      } else {
        value = await clients.get(client)?.do(verb, given);
      }
      answer(number, { value: value ?? null });
    } catch (error) {
      answer(number, { error: told(error) });
    }
  };
  createInterface({ input: socket }).on("line", (line) => void follow(JSON.parse(line) as Order));
  socket.on("error", () => undefined);
  socket.on("close", () => {
    for (const { room } of clients.values()) void room.close();
  });
}

const server = createServer(serve).listen(0, "127.0.0.1", () => {
  console.log((server.address() as { port: number }).port);
});
// Ends with who started it.
process.stdin.resume().on("end", () => process.exit(0));
