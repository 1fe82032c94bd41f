// A client of the REST API: openapi-fetch with the types of the contract, and what it leaves to us.

import createClient, { type Client } from "openapi-fetch";

import { BEARERS } from "./bearers.ts";
import { hidden } from "./hidden.ts";
import type { paths } from "./schema.ts";

export type * from "./schema.ts";

/** `await api.GET("/room/{room}", { params: { path: { room } } })`, and so for every operation. */
export type Api = Client<paths>;

export interface ApiOptions {
  /**
   * The token of a session, or what has the one of the moment: shown where the contract asks for the
   * bearer of a session. Another bearer is given with the call, in the header `Authorization`.
   */
  readonly token?: string | (() => string | undefined);
  /** How long an answer may take: 30,000 when it is left out. */
  readonly timeoutMs?: number;
}

const METHODS = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"] as const;

/**
 * A client of the API at `url`. A refusal is no exception: `error` is the `Problem`, and says where the
 * input breaks which rule. When no answer comes, the call rejects as `fetch` does. What the contract
 * marks as sensitive is a getter in the answers, so that no console prints it.
 */
export function apiAt(url: string, options: ApiOptions = {}): Api {
  const { token, timeoutMs = 30_000 } = options;
  const bearer = typeof token === "function" ? token : () => token;
  const client = createClient<paths>({
    baseUrl: url,
    // What is shown goes where its owner sent it, and nowhere else.
    redirect: "error",
    fetch: (request) => {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]);
      return globalThis.fetch(request, { signal });
    },
  });
  client.use({
    onRequest: ({ request, schemaPath }) => {
      const shown = bearer();
      const isTaken = BEARERS.has(`${request.method} ${schemaPath}`);
      if (isTaken && shown !== undefined && !request.headers.has("Authorization")) {
        request.headers.set("Authorization", `Bearer ${shown}`);
      }
    },
  });
  for (const method of METHODS) {
    const call = client[method] as (path: string, init?: unknown) => Promise<{ data?: unknown }>;
    const hiding = async (path: string, init?: unknown): Promise<{ data?: unknown }> => {
      const answer = await call(path, init);
      if (answer.data === undefined) return answer;
      return { ...answer, data: hidden(`${method} ${path}`, answer.data) };
    };
    Object.assign(client, { [method]: hiding });
  }
  const request = (method: (typeof METHODS)[number], path: string, init?: unknown): unknown =>
    (client[method] as (path: string, init?: unknown) => unknown)(path, init);
  Object.assign(client, { request });
  return client;
}
