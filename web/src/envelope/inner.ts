// The inside of an envelope: the message itself, which is signed and then encrypted.

import { asHashOrNull, toUtf8 } from "./base64url.ts";
import { BOUND, readBound } from "./envelope.ts";
import type { Bound } from "./envelope.ts";
import { Refused } from "./errors.ts";
import type { Link } from "./replay.ts";
import { asInteger, asString, expectMembers } from "./strict.ts";
import type { JsonObject } from "./strict.ts";

const PAD_BYTES = 256;
const MEMBERS = [...BOUND, "ts", "device", "seq", "prev", "type", "body", "pad"];
const DEVICE = /^[A-Za-z0-9_-]{1,64}$/;
const TYPE = /^[!-~]{1,64}$/;
const PAD = /^\.{0,255}$/;

export interface Inner {
  readonly bound: Bound;
  /** Milliseconds since 1970, by the sender's clock. */
  readonly tsMs: number;
  readonly link: Link;
  /** What the body is: 1 to 64 printable ASCII characters without a space. */
  readonly type: string;
  readonly body: string;
}

/** What is signed, padded to a multiple of 256 bytes: its length tells little of the body's. */
export function writeInner({ bound, tsMs, link, type, body }: Inner): string {
  const { device, seq, prev } = link;
  const payload = { ...bound, ts: tsMs, device, seq, prev, type, body };
  const bytes = toUtf8(JSON.stringify({ ...payload, pad: "" })).length;
  const pad = ".".repeat((PAD_BYTES - (bytes % PAD_BYTES)) % PAD_BYTES);
  return JSON.stringify({ ...payload, pad });
}

/** What `payload` says; throws `Refused("format")`. */
export function readInner(payload: JsonObject): Inner {
  expectMembers(payload, MEMBERS);
  const device = asString(payload.get("device"));
  const seq = asInteger(payload.get("seq"));
  const type = asString(payload.get("type"));
  if (!DEVICE.test(device) || seq < 1 || !TYPE.test(type)) throw new Refused("format");
  if (!PAD.test(asString(payload.get("pad")))) throw new Refused("format");
  return {
    bound: readBound(payload),
    tsMs: asInteger(payload.get("ts")),
    link: { device, seq, prev: asHashOrNull(payload.get("prev")) },
    type,
    body: asString(payload.get("body")),
  };
}
