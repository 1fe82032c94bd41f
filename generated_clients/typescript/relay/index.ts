// A client of Ilo relay 0.1.0, made from its contract.

export type { Backoff } from "./backoff.ts";
export {
  CLOSE_CODES,
  ERROR_MEANINGS,
  REFUSALS,
  VERSION,
  type CloseCode,
  type ErrorMeaning,
  type Refusal,
  type Stored,
} from "./contract.ts";
export type { Secret } from "./credentials.ts";
export * from "./errors.ts";
export type {
  ErrorCode,
  RelayEvent,
  ServerFrame,
  RoomName,
  Username,
  Uuid,
  Cursor,
  Seq,
  MembersVersion,
  Online,
  Timestamp,
  Limits,
  Welcome,
  MessageData,
  MessageOut,
  SignalData,
  SignalOut,
  KeyVersionNumber,
  Member,
  Presence,
  Gap,
  Failure,
  Head,
  Ack,
  HistoryOut,
  MessageIn,
  HistoryIn,
  SignalIn,
} from "./frames.ts";
export type { Position } from "./resume.ts";
export { RoomClient } from "./room.ts";
export type {
  RoomOptions,
  MessageOptions,
  HistoryOptions,
} from "./room.ts";
export type { Json } from "./shapes.ts";
export type { State } from "./state.ts";
