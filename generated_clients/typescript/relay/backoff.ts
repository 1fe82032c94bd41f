// How long to wait before coming back, so that not all come back at once.

/** The longest that a relay is believed, when it says when to try again. */
export const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Exponential, with full jitter: before try n (from 0) anything up to `firstMs` times 2**n, and
 * `capMs` at most.
 */
export interface Backoff {
  /** 500 when it is left out. */
  readonly firstMs?: number;
  /** 30,000 when it is left out. */
  readonly capMs?: number;
  /** After how many failures in a row to give up; never, when it is left out. */
  readonly attempts?: number;
  /** Gives 0 to 1. */
  readonly random?: () => number;
  /** Waits so long, or until `signal` is aborted: then nobody listens any more. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** How long to wait before try `step`; not before `retryAfterS`, if given. */
export function delayMs(backoff: Backoff, step: number, retryAfterS = 0): number {
  const { firstMs = 500, capMs = CAP_MS, random = Math.random } = backoff;
  const bound = Math.min(capMs, firstMs * 2 ** Math.min(step, 64));
  return Math.min(retryAfterS * 1000, MAX_RETRY_AFTER_MS) + random() * bound;
}

export const CAP_MS = 30_000;

/** Wait so long, or until `signal` is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
