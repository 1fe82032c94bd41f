// What of the answers must not be shown: the contract's `x-sensitive`.

/** By operation the places of sensitive members, as steps; `*` is any item of a list. */
const SENSITIVE: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "POST /key": [["detail"], ["revoke_token"]],
  "PUT /user": [["token"]],
  "POST /ticket": [["ticket"]],
  "GET /room/{room}/message": [["messages", "*", "data", "message"]],
};

/** `data` with a getter in each place that must not be shown: the value is there, and not printed. */
export function hidden(operation: string, data: unknown): unknown {
  for (const steps of SENSITIVE[operation] ?? []) hide(data, steps);
  return data;
}

function hide(value: unknown, [step, ...more]: readonly string[]): void {
  if (typeof value !== "object" || value === null || step === undefined) return;
  if (step === "*" && Array.isArray(value)) {
    for (const item of value) hide(item, more);
    return;
  }
  const inside = (value as Record<string, unknown>)[step];
  if (inside === undefined) return;
  if (more.length > 0) hide(inside, more);
  else Object.defineProperty(value, step, { enumerable: true, get: () => inside });
}
