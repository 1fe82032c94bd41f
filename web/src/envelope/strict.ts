// Strict JSON: one text has one meaning, whoever reads it.
//
// `JSON.parse` keeps the last of two members of the same name, and another reader may keep the
// first: a signature over the text would then cover two messages. Here a repeated member is
// refused. So are numbers other than 0 and those that count, as far as a double tells them from
// their neighbours; lone surrogates; and values deeper than anything of ours.

import { Refused } from "./errors.ts";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** A map, not an object: a member may be called `__proto__`. */
export type JsonObject = ReadonlyMap<string, Json>;

const MAX_DEPTH = 16;
const SPACE = /[ \t\n\r]*/y;
const INTEGER = /(?:0|[1-9][0-9]*)(?![0-9.eE])/y;

/**
 * The value that `text` holds.
 *
 * Throws `Refused("format")` for what is no strict JSON.
 */
export function parseJson(text: string): Json {
  const scanner = new Scanner(text);
  const value = scanner.value(0);
  scanner.end();
  return value;
}

/** The object that `text` holds; throws `Refused("format")` for anything else. */
export function parseObject(text: string): JsonObject {
  return asObject(parseJson(text));
}

/** `value` if it is an object; throws `Refused("format")` for anything else. */
export function asObject(value: Json | undefined): JsonObject {
  if (value instanceof Map) return value;
  throw new Refused("format");
}

/** `value` if it is a list; throws `Refused("format")` for anything else. */
export function asList(value: Json | undefined): readonly Json[] {
  if (Array.isArray(value)) return value;
  throw new Refused("format");
}

/** `value` if it is a string; throws `Refused("format")` for anything else. */
export function asString(value: Json | undefined): string {
  if (typeof value === "string") return value;
  throw new Refused("format");
}

/** `value` if it is a number; throws `Refused("format")` for anything else. */
export function asInteger(value: Json | undefined): number {
  if (typeof value === "number") return value;
  throw new Refused("format");
}

/** Throws `Refused("format")` unless the members of `object` are `names`, all of them and no more. */
export function expectMembers(object: JsonObject, names: readonly string[]): void {
  if (object.size !== names.length || !names.every((name) => object.has(name))) {
    throw new Refused("format");
  }
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    if (depth > MAX_DEPTH) throw new Refused("format");
    this.#skip();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#list(depth);
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#integer();
    }
  }

  end(): void {
    this.#skip();
    if (this.#at !== this.#text.length) throw new Refused("format");
  }

  #object(depth: number): JsonObject {
    const members = new Map<string, Json>();
    this.#at += 1;
    if (this.#takes("}")) return members;
    do {
      this.#skip();
      const name = this.#string();
      if (members.has(name)) throw new Refused("format");
      this.#expect(":");
      members.set(name, this.value(depth + 1));
    } while (this.#takes(","));
    this.#expect("}");
    return members;
  }

  #list(depth: number): readonly Json[] {
    const items: Json[] = [];
    this.#at += 1;
    if (this.#takes("]")) return items;
    do {
      items.push(this.value(depth + 1));
    } while (this.#takes(","));
    this.#expect("]");
    return items;
  }

  // Finds the closing quote; what stands between the quotes is for `JSON.parse` to judge.
  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') throw new Refused("format");
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#at = end + 1;
    let value: unknown;
    try {
      value = JSON.parse(this.#text.slice(start, this.#at));
    } catch {
      throw new Refused("format");
    }
    if (typeof value !== "string" || !value.isWellFormed()) throw new Refused("format");
    return value;
  }

  #integer(): number {
    INTEGER.lastIndex = this.#at;
    const found = INTEGER.exec(this.#text);
    const value = Number(found?.[0]);
    if (found === null || !Number.isSafeInteger(value)) throw new Refused("format");
    this.#at += found[0].length;
    return value;
  }

  #word(word: string, value: boolean | null): boolean | null {
    if (!this.#text.startsWith(word, this.#at)) throw new Refused("format");
    this.#at += word.length;
    return value;
  }

  #skip(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #takes(mark: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#takes(mark)) throw new Refused("format");
  }
}
