// The `ws` library as its documentation says: one `send` for each open client of the room.
//
// The delivery is encoded once, into bytes. Without compression, which is the library's default.
// The shape of a message is checked by hand, nothing is stored, and any bearer token is a user.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

const MAX_FRAME_BYTES = 320 * 1024;
const BACKLOG = 4096;
const TEXT = { binary: false };
const rooms = new Map();

function isObjectWithOnly(value, key) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === key;
}

/** The text of {"data": {"message": text}}, or undefined when the frame has another shape. */
function textOf(frame) {
  const value = JSON.parse(frame);
  if (!isObjectWithOnly(value, "data") || !isObjectWithOnly(value.data, "message")) return undefined;
  return typeof value.data.message === "string" ? value.data.message : undefined;
}

function roomNamed(name) {
  let room = rooms.get(name);
  if (room === undefined) {
    room = { name, seq: 0, members: new Set() };
    rooms.set(name, room);
  }
  return room;
}

function deliver(room, sender, text) {
  room.seq += 1;
  const delivery = Buffer.from(
    JSON.stringify({
      type: "message",
      id: randomUUID(),
      seq: room.seq,
      room: room.name,
      sender,
      sent_at: new Date().toISOString(),
      data: { message: text },
    }),
  );
  for (const member of room.members) {
    if (member.readyState === WebSocket.OPEN) member.send(delivery, TEXT);
  }
}

const server = createServer();
const sockets = new WebSocketServer({ server, maxPayload: MAX_FRAME_BYTES });

sockets.on("connection", (member, request) => {
  const [scheme, sender] = (request.headers.authorization ?? "").split(" ");
  if (scheme !== "Bearer" || !sender) {
    member.close(4401, "no bearer token");
    return;
  }
  const room = roomNamed(request.url.slice("/ws/".length));
  room.members.add(member);
  member.on("close", () => room.members.delete(member));
  member.on("error", () => member.terminate());
  member.on("message", (frame) => {
    const text = textOf(frame);
    if (text === undefined) member.close(4400, "not a message");
    else deliver(room, sender, text);
  });
  member.send('{"type":"welcome"}');
});

const at = process.argv.indexOf("--port");
const port = at < 0 ? 0 : Number(process.argv[at + 1]);
server.listen({ host: "127.0.0.1", port, backlog: BACKLOG }, () => {
  console.log(`ready ${server.address().port}`);
});
