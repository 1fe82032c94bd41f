// Where a connection goes.

import { ADDRESS } from "./contract.ts";

/**
 * The URL of a channel on the relay at `relayUrl`: scheme, host and port. Throws `TypeError` when
 * `relayUrl` is something else; the text does not repeat it.
 */
export function urlOf(relayUrl: string, parameters: Readonly<Record<string, string>>): string {
  const parts = URL.canParse(relayUrl) ? new URL(relayUrl) : null;
  if (parts === null || !["ws:", "wss:"].includes(parts.protocol) || parts.hostname === "") {
    throw new TypeError("a relay's URL is ws://HOST:PORT or wss://HOST:PORT");
  }
  const more = parts.search + parts.hash + parts.username + parts.password;
  if (!["", "/"].includes(parts.pathname) || more !== "" || /[@?#]/.test(relayUrl)) {
    throw new TypeError("a relay's URL is a scheme, a host and a port, and nothing else");
  }
  let path = ADDRESS;
  for (const [name, value] of Object.entries(parameters)) {
    path = path.replace(`{${name}}`, () => encodeURIComponent(value));
  }
  return `${parts.protocol}//${parts.host}${path}`;
}

/** `url`, which has no query, with this one. */
export function withQuery(url: string, query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? url : `${url}?${text}`;
}
