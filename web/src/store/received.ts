// What was received in a room: each message once, none again, and none for strangers.

import { judge } from "../envelope/replay.ts";
import type { Place, Warning } from "../envelope/replay.ts";
import type { Opened } from "../envelope/open.ts";
import { beginningWith } from "./database.ts";
import type { Database, Step } from "./database.ts";

// So many messages of earlier epochs are known again, in each room.
const FORMER_EPOCHS = 10_000;
// So many devices of a sender are remembered, in each room.
const DEVICES = 64;

/** `isNew`: it was not shown before. `warnings` are about its device's chain. */
export interface Taken {
  readonly isNew: boolean;
  readonly warnings: readonly Warning[];
}

export class Received {
  readonly #db: Database;
  readonly #room: string;

  constructor(db: Database, room: string) {
    this.#db = db;
    this.#room = room;
  }

  /** Judge a message that the relay sends at `place`, and remember it; throws `Refused("replay")`.
   *
   * Looking up, judging and writing are one step: another tab that hears the same message
   * meets it here as the repeat that it is. */
  takeIn(opened: Opened, place: Place): Promise<Taken> {
    const room = this.#room;
    const { sender, mid, link } = opened;
    return this.#db.write(["known", "devices"], async (step) => {
      const known = await step.get("known", [room, sender, mid]);
      const device = await step.get("devices", [room, sender, link.device]);
      const verdict = judge(opened, place, true, known, device);
      if (verdict.isRepeat && known !== null) {
        // After a crash it comes again at its place. In another epoch, which a restored backup
        // begins, what was shown before is not shown again.
        const isHere = known.epoch === place.epoch && known.seq === place.seq;
        if (!isHere) await step.put("known", { ...known, ...verdict.known });
        return { isNew: isHere || !known.isTaken, warnings: isHere ? known.warnings : [] };
      }
      const warnings = device?.isGapTold === true ? [] : verdict.warnings;
      const who = { room, sender };
      const at = Date.now();
      await step.put("known", { ...who, mid, ...verdict.known, warnings, isTaken: false, at });
      if (verdict.last !== null) {
        const { device } = link;
        await step.put("devices", { ...who, device, ...verdict.last, isGapTold: false, at });
      }
      return { isNew: true, warnings };
    });
  }

  /** Judge a message of the history; nothing is remembered. Throws `Refused("replay")`. */
  async lookBack(opened: Opened, place: Place): Promise<readonly Warning[]> {
    const key = [this.#room, opened.sender, opened.mid];
    const known = await this.#db.read(["known"], (step) => step.get("known", key));
    judge(opened, place, false, known, null);
    return known?.warnings ?? [];
  }

  /** The person was told that messages are missing here: nobody needs to warn again. */
  async gapTold(): Promise<void> {
    await this.#db.write(["devices"], async (step) => {
      for (const row of await step.all("devices", beginningWith(this.#room))) {
        if (!row.isGapTold) await step.put("devices", { ...row, isGapTold: true });
      }
    });
  }

  /** Forget what the relay has no more: nothing of it can come again unnoticed, because it is
   * behind what its device said last. */
  async forget(epoch: string, floor: number): Promise<void> {
    await this.#db.write(["known", "devices"], async (step) => {
      await this.#forgetBelow(step, epoch, floor);
      await this.#forgetFormerEpochs(step, epoch);
      const devices = await step.all("devices", beginningWith(this.#room));
      const perSender = new Map<string, number>();
      for (const { room, sender, device } of devices.sort((a, b) => b.at - a.at)) {
        const nth = (perSender.get(sender) ?? 0) + 1;
        perSender.set(sender, nth);
        if (nth > DEVICES) await step.remove("devices", [room, sender, device]);
      }
    });
  }

  async #forgetBelow(step: Step, epoch: string, floor: number): Promise<void> {
    const room = this.#room;
    const range = IDBKeyRange.bound([room, epoch, 0], [room, epoch, floor], false, true);
    for (const { sender, mid } of await step.knownAt(range)) {
      await step.remove("known", [room, sender, mid]);
    }
  }

  async #forgetFormerEpochs(step: Step, epoch: string): Promise<void> {
    const room = this.#room;
    const all = await step.countKnownAt(beginningWith(room));
    const here = await step.countKnownAt(beginningWith(room, epoch));
    if (all - here <= FORMER_EPOCHS) return;
    const former = (await step.knownAt(beginningWith(room))).filter((row) => row.epoch !== epoch);
    former.sort((a, b) => b.at - a.at);
    for (const { sender, mid } of former.slice(FORMER_EPOCHS)) {
      await step.remove("known", [room, sender, mid]);
    }
  }

  /** These are the members, with the ids of their keys; the newest message is at `place`. */
  async membersAre(
    kids: ReadonlyMap<string, ReadonlySet<string>>,
    { epoch, seq }: Place,
  ): Promise<void> {
    const room = this.#room;
    await this.#db.write(["readers"], async (step) => {
      const before = await step.all("readers", beginningWith(room));
      for (const [username, theirs] of kids) {
        for (const kid of theirs) await step.put("readers", { room, kid, username, gone: null });
      }
      for (const row of before) {
        const isMember = kids.has(row.username);
        const isCounted = kids.get(row.username)?.has(row.kid) === true;
        if (isMember && row.gone !== null && !isCounted) {
          await step.put("readers", { ...row, gone: null });
        } else if (!isMember && row.gone === null) {
          await step.put("readers", { ...row, gone: { epoch, seq } });
        }
      }
    });
  }

  /** Which of `kids` belong to nobody who was a member at `place`, as far as that is known here. */
  async strangers(kids: readonly string[], place: Place): Promise<readonly string[]> {
    const room = this.#room;
    return this.#db.read(["readers"], async (step) => {
      const found: string[] = [];
      for (const kid of kids) {
        const row = await step.get("readers", [room, kid]);
        const isGone = row?.gone?.epoch === place.epoch && row.gone.seq < place.seq;
        if (row === null || isGone) found.push(kid);
      }
      return found;
    });
  }
}
