// How long to wait before trying again.

const FIRST_MS = 50;
const LONGEST_MS = 2000;

/** Wait before try `attempt` (from 1), each time twice as long, or for as long as was asked for. */
export function pause(attempt: number, seconds?: number): Promise<void> {
  const ms = seconds === undefined ? Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt) : seconds * 1000;
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
