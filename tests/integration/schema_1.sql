-- The embedded store, version 1. Instants are milliseconds since 1970 (UTC); identifiers
-- are the 16 bytes of a UUID, hashes the 32 bytes of a SHA-256.

CREATE TABLE api_keys (
  key_hash    BLOB PRIMARY KEY,
  revoke_hash BLOB NOT NULL,
  created_at  INTEGER NOT NULL,
  revoked_at  INTEGER
) WITHOUT ROWID;

-- A deleted account keeps its row, without its secrets: the name stays claimed and old
-- messages keep their author. `number` stands for the user in the log.
CREATE TABLE users (
  number             INTEGER PRIMARY KEY,
  user_id            BLOB NOT NULL UNIQUE,
  name_key           TEXT NOT NULL UNIQUE,
  name               TEXT NOT NULL,
  password_hash      TEXT NOT NULL,
  session_generation INTEGER NOT NULL,
  created_at         INTEGER NOT NULL,
  deleted_at         INTEGER
);

CREATE TABLE public_keys (
  user_id    BLOB NOT NULL,
  version    INTEGER NOT NULL,
  text       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, version)
) WITHOUT ROWID;

CREATE TABLE sessions (
  token_hash BLOB PRIMARY KEY,
  user_id    BLOB NOT NULL,
  generation INTEGER NOT NULL,
  key_hash   BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE tickets (
  ticket_hash BLOB PRIMARY KEY,
  token_hash  BLOB NOT NULL,
  expires_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX tickets_by_expiry ON tickets (expires_at);

-- `number` stands for the room in the log.
CREATE TABLE rooms (
  number     INTEGER PRIMARY KEY,
  room_id    BLOB NOT NULL UNIQUE,
  name       TEXT NOT NULL UNIQUE,
  epoch      BLOB NOT NULL,
  created_at INTEGER NOT NULL
);

-- In order of arrival, so that a commit for many rooms writes its messages side by side:
-- with the table itself in order of (room, seq), each message would cost twice the work.
CREATE TABLE log (
  place      INTEGER PRIMARY KEY,
  room       INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  sender     INTEGER NOT NULL,
  message_id BLOB NOT NULL,
  sent_at    INTEGER NOT NULL,
  text       TEXT NOT NULL
);
CREATE UNIQUE INDEX log_by_seq ON log (room, seq);
CREATE UNIQUE INDEX log_by_id ON log (room, sender, message_id);
