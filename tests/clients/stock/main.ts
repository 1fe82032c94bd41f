// A first message by clients that stock generators made from the two contracts: the REST calls by
// @hey-api/openapi-ts, the frames' types by json-schema-to-typescript.
//
//     node main.js API_URL ROOM
import type { Ack, MessageIn, MessageOut, Welcome } from "./frames";
import { createKey, createTicket, createUser, getUser, loginUser } from "./rest";
import { client } from "./rest/client.gen";

const [baseUrl, room] = process.argv.slice(2) as [string, string];
const username = "Ωρίων 🍪";
const password = "MySuperSecurePassword57!";

async function main(): Promise<void> {
  client.setConfig({ baseUrl, throwOnError: true });

  const { data: key } = await createKey({ throwOnError: true });
  const api_key = key.detail;
  const public_key = "public key of Ωρίων";
  await createUser({ body: { username, password, public_key, api_key }, throwOnError: true });
  const refused = await createUser({ body: { username, password, public_key, api_key }, throwOnError: false });
  const { data: login } = await loginUser({ body: { username, password, api_key }, throwOnError: true });
  client.setConfig({ auth: login.token });
  const { data: user } = await getUser({ path: { username }, throwOnError: true });
  const { data: ticket } = await createTicket({ throwOnError: true });

  type Frame = Welcome | Ack | MessageOut;
  const socket = new WebSocket(`${login.relay_url}/ws/${room}`, ["ilo.v1", `ilo.ticket.${ticket.ticket}`]);
  const frames: Frame[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.onerror = () => reject(new Error("the relay refused the handshake"));
    socket.onmessage = (event: MessageEvent<string>) => {
      const frame = JSON.parse(event.data) as Frame;
      frames.push(frame);
      if (frame.type === "welcome") {
        const said: MessageIn = { id: crypto.randomUUID(), data: { message: "γειά 👋" } };
        socket.send(JSON.stringify(said));
      }
      if (frames.length === 3) resolve();
    };
  });
  socket.close();

  const message = frames.find((frame): frame is MessageOut => frame.type === "message");
  console.log(JSON.stringify({
    refused: refused.error?.type,
    public_key: user.detail,
    frames: frames.map((frame) => frame.type).sort(),
    sender: message?.sender,
    said: message?.data.message,
  }));
}

void main();
