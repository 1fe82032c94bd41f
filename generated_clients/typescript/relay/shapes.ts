// What a value may be, as data, and the one function that looks at a value.

/** Every bound is inclusive; lengths count code points, `maxBytes` bytes of UTF-8. */
export type Shape =
  | {
      readonly kind: "text";
      readonly only?: readonly string[];
      readonly pattern?: RegExp;
      readonly minLength?: number;
      readonly maxLength?: number;
      readonly maxBytes?: number;
    }
  | { readonly kind: "integer" | "number"; readonly minimum?: number; readonly maximum?: number }
  | { readonly kind: "boolean" | "map" }
  | {
      readonly kind: "list";
      readonly items: Shape;
      readonly minItems?: number;
      readonly maxItems?: number;
    }
  | {
      readonly kind: "object";
      readonly closed: boolean;
      readonly members: Readonly<Record<string, Member>>;
    };

export interface Member {
  readonly shape: Shape;
  readonly isOptional?: true;
  /** It must not be shown: a console that prints the object prints a getter instead. */
  readonly isHidden?: true;
}

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** Where a value is against its shape, as a JSON pointer, and the rule. Never holds a value. */
export class Fault {
  readonly place: string;
  readonly rule: string;

  constructor(place: string, rule: string) {
    this.place = place;
    this.rule = rule;
  }
}

const HAS_TO_BE = {
  text: "has to be a string",
  integer: "has to be a whole number",
  number: "has to be a number",
  boolean: "has to be true or false",
  map: "has to be an object",
  list: "has to be an array",
  object: "has to be an object",
} as const;

/** Deeper than any relay allows: what refers to itself ends here. */
const DEEPEST = 64;

/**
 * `value` with the members that `shape` knows, frozen. Those that it does not know are left out, or,
 * with `isStrict`, are a fault where the object is closed. Throws `Fault`.
 */
export function take(shape: Shape, value: unknown, place: string, isStrict: boolean): unknown {
  const fault = (rule: string): Fault => new Fault(place, rule);
  switch (shape.kind) {
    case "text":
      if (typeof value !== "string") throw fault(HAS_TO_BE.text);
      seeText(shape, value, fault);
      if (isStrict) seeStrictText(value, place);
      return value;
    case "integer":
    case "number": {
      const isIt = shape.kind === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
      if (typeof value !== "number" || !isIt) throw fault(HAS_TO_BE[shape.kind]);
      const { minimum = -Infinity, maximum = Infinity } = shape;
      if (value < minimum) throw fault(`has to be at least ${minimum}`);
      if (value > maximum) throw fault(`has to be at most ${maximum}`);
      return value;
    }
    case "boolean":
      if (typeof value !== "boolean") throw fault(HAS_TO_BE.boolean);
      return value;
    case "map":
      if (!isObject(value)) throw fault(HAS_TO_BE.map);
      if (isStrict) seeJson(value, place, 0);
      return value;
    case "list": {
      if (!Array.isArray(value)) throw fault(HAS_TO_BE.list);
      const { minItems = 0, maxItems = Infinity } = shape;
      if (value.length < minItems) throw fault(`has to have at least ${minItems} items`);
      if (value.length > maxItems) throw fault(`has to have at most ${maxItems} items`);
      const items = value.map((item, at) => take(shape.items, item, `${place}/${at}`, isStrict));
      return Object.freeze(items);
    }
    case "object":
      if (!isObject(value)) throw fault(HAS_TO_BE.object);
      return takeObject(shape.members, shape.closed && isStrict, value, place, isStrict);
    default:
      return shape satisfies never;
  }
}

function takeObject(
  members: Readonly<Record<string, Member>>,
  isClosed: boolean,
  value: Readonly<Record<string, unknown>>,
  place: string,
  isStrict: boolean,
): object {
  if (isClosed) {
    const unknown = Object.keys(value).find((name) => !Object.hasOwn(members, name));
    if (unknown !== undefined) throw new Fault(place, "has a member that is not in the contract");
  }
  const taken = {};
  for (const [name, { shape, isOptional, isHidden }] of Object.entries(members)) {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    const at = `${place}/${name}`;
    if (given === undefined) {
      if (isOptional !== true) throw new Fault(at, "is missing");
      continue;
    }
    const inner = take(shape, given, at, isStrict);
    Object.defineProperty(
      taken,
      name,
      isHidden ? { enumerable: true, get: () => inner } : { enumerable: true, value: inner },
    );
  }
  return Object.freeze(taken);
}

function seeText(
  shape: Extract<Shape, { kind: "text" }>,
  value: string,
  fault: (rule: string) => Fault,
): void {
  const { only, pattern, minLength = 0, maxLength = Infinity, maxBytes = Infinity } = shape;
  if (only !== undefined && !only.includes(value)) throw fault(`has to be ${only.join(" or ")}`);
  // No shorter than its code points, and no longer than twice as many: mostly nothing is counted.
  if (value.length < minLength * 2 && lengthOf(value) < minLength) {
    throw fault(`has to have at least ${minLength} characters`);
  }
  if (value.length > maxLength && lengthOf(value) > maxLength) {
    throw fault(`has to have at most ${maxLength} characters`);
  }
  // A unit of UTF-16 is three bytes of UTF-8 at most.
  if (value.length * 3 > maxBytes && bytesOf(value) > maxBytes) {
    throw fault(`has to have at most ${maxBytes} bytes`);
  }
  if (pattern !== undefined && !pattern.test(value)) throw fault(`has to match ${pattern.source}`);
}

/** See that there is no U+0000, and no half of a pair: to no strict JSON the answer has no id. */
function seeStrictText(value: string, place: string): void {
  if (value.includes("\0")) throw new Fault(place, "U+0000 is not allowed");
  if (!value.isWellFormed()) throw new Fault(place, "half of a surrogate pair is not allowed");
}

/** See that it is strict JSON. */
function seeJson(value: unknown, place: string, depth: number): void {
  if (depth > DEEPEST) throw new Fault(place, "is nested too deep");
  if (value === null || typeof value === "boolean" || Number.isFinite(value)) return;
  if (typeof value === "string") return seeStrictText(value, place);
  if (Array.isArray(value)) {
    // Not forEach, which passes over holes.
    for (const [at, item] of value.entries()) seeJson(item, `${place}/${at}`, depth + 1);
    return;
  }
  if (!isObject(value) || "toJSON" in value) throw new Fault(place, "has to be JSON");
  for (const [name, item] of Object.entries(value)) {
    if (name.includes("\0") || !name.isWellFormed()) {
      throw new Fault(place, "a member has a name that is not allowed");
    }
    seeJson(item, `${place}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, depth + 1);
  }
}

/** Whether it is an object as JSON has them: no array, and of no class. */
function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const above: unknown = Object.getPrototypeOf(value);
  return above === null || Object.getPrototypeOf(above) === null;
}

/** The bytes of `text` in UTF-8. */
export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}
