// IndexedDB with types: a step is one transaction, which is done as a whole or never began.
//
// A browser ends a transaction as soon as nothing of it is asked for: inside of a step only its
// own methods may be awaited.

import { KEYS, PLACE } from "./rows.ts";
import type { Rows, Table } from "./rows.ts";

const VERSION = 1;

/** Thrown when the browser cannot keep anything, or what is kept was made by a newer page. */
export class NotKept extends Error {
  constructor(why: string) {
    super(`this browser cannot keep what has to be kept: ${why}`);
    this.name = "NotKept";
  }
}

/** One step's hold on its tables. */
export class Step {
  readonly #transaction: IDBTransaction;

  constructor(transaction: IDBTransaction) {
    this.#transaction = transaction;
  }

  async get<T extends Table>(table: T, key: IDBValidKey): Promise<Rows[T] | null> {
    return (await answer<Rows[T] | undefined>(this.#of(table).get(key))) ?? null;
  }

  /** Rows in the order of their keys. */
  all<T extends Table>(table: T, range?: IDBKeyRange): Promise<Rows[T][]> {
    return answer<Rows[T][]>(this.#of(table).getAll(range));
  }

  async put<T extends Table>(table: T, row: Rows[T]): Promise<void> {
    await answer(this.#of(table).put(row));
  }

  async remove(table: Table, key: IDBValidKey | IDBKeyRange): Promise<void> {
    await answer(this.#of(table).delete(key));
  }

  /** Messages of a room in the order of their places. */
  knownAt(range: IDBKeyRange): Promise<Rows["known"][]> {
    return answer<Rows["known"][]>(this.#of("known").index("place").getAll(range));
  }

  countKnownAt(range: IDBKeyRange): Promise<number> {
    return answer(this.#of("known").index("place").count(range));
  }

  #of(table: Table): IDBObjectStore {
    return this.#transaction.objectStore(table);
  }
}

/** Everything that is kept of one person. */
export class Database {
  readonly #db: IDBDatabase;

  private constructor(db: IDBDatabase) {
    this.#db = db;
    // A page that deletes it, or brings a newer form, does not wait for this one.
    db.onversionchange = () => {
      db.close();
    };
  }

  /** The database `name`, made if it is not there; throws `NotKept`. */
  static async open(name: string): Promise<Database> {
    let opening: IDBOpenDBRequest;
    try {
      opening = indexedDB.open(name, VERSION);
    } catch (error) {
      throw new NotKept(kindOf(error));
    }
    opening.onupgradeneeded = () => {
      make(opening.result);
    };
    try {
      return new Database(await answer(opening));
    } catch (error) {
      throw new NotKept(kindOf(error));
    }
  }

  /** Delete the database `name`, with everything in it. */
  static async forget(name: string): Promise<void> {
    await answer(indexedDB.deleteDatabase(name));
  }

  close(): void {
    this.#db.close();
  }

  /** Do all of `work`, on disk, or nothing of it; nobody else writes to `tables` meanwhile. */
  write<R>(tables: readonly Table[], work: (step: Step) => Promise<R>): Promise<R> {
    return this.#step(tables, "readwrite", work);
  }

  /** Look at `tables` as they are at one moment. */
  read<R>(tables: readonly Table[], work: (step: Step) => Promise<R>): Promise<R> {
    return this.#step(tables, "readonly", work);
  }

  async #step<R>(
    tables: readonly Table[],
    mode: IDBTransactionMode,
    work: (step: Step) => Promise<R>,
  ): Promise<R> {
    const transaction = this.#db.transaction(tables, mode, { durability: "strict" });
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => {
        resolve();
      };
      transaction.onabort = () => {
        reject(new NotKept(kindOf(transaction.error)));
      };
    });
    // Whoever waits for the work hears of its error first.
    done.catch(() => undefined);
    let result: R;
    try {
      result = await work(new Step(transaction));
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It has ended by itself.
      }
      throw error;
    }
    await done;
    return result;
  }
}

/** The keys that begin with `parts`. */
export function beginningWith(...parts: readonly string[]): IDBKeyRange {
  // A list is above every text and number.
  return IDBKeyRange.bound([...parts], [...parts, []]);
}

function make(db: IDBDatabase): void {
  for (const [table, keyPath] of Object.entries(KEYS)) {
    const store = db.createObjectStore(table, { keyPath });
    if (table === "known") store.createIndex("place", PLACE);
  }
}

function answer<R>(request: IDBRequest<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new NotKept("no reason is given"));
    };
  });
}

function kindOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : "unknown";
}
