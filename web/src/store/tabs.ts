// Several tabs of one person: one at a time where it has to be, and news for the others.

/** What one tab tells the others of the same person. */
export type News = "logging-out" | "logged-out" | "stayed" | "keys" | "rooms" | "people";

export class Tabs {
  readonly #username: string;
  readonly #channel: BroadcastChannel;

  /** `hear` is called with what other tabs tell; never with what this one tells. */
  constructor(username: string, hear: (news: News) => void) {
    this.#username = username;
    this.#channel = new BroadcastChannel(`ilo/${username}`);
    this.#channel.onmessage = ({ data }) => {
      hear(data as News);
    };
  }

  tell(news: News): void {
    this.#channel.postMessage(news);
  }

  close(): void {
    this.#channel.close();
  }

  /** Do `work` while no other tab does anything under the same words. A tab that dies lets go. */
  oneAtATime<R>(what: string, work: () => Promise<R>): Promise<R> {
    return oneAtATime(this.#username, what, work);
  }
}

/** The same for a person whose tabs do not talk yet. */
export async function oneAtATime<R>(
  username: string,
  what: string,
  work: () => Promise<R>,
): Promise<R> {
  return navigator.locks.request(`ilo/${username}: ${what}`, work);
}
