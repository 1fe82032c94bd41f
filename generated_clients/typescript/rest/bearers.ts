/** The operations that take the bearer of a session. */
export const BEARERS: ReadonlySet<string> = new Set([
  "GET /user/{username}",
  "HEAD /user/{username}",
  "DELETE /user/{username}",
  "PUT /user/{username}/password",
  "PUT /user/{username}/public_key",
  "GET /session",
  "DELETE /session",
  "DELETE /session/others",
  "POST /ticket",
  "GET /room",
  "POST /room",
  "GET /room/{room}",
  "DELETE /room/{room}",
  "PUT /room/{room}/member/{username}",
  "DELETE /room/{room}/member/{username}",
  "GET /room/{room}/message",
]);
