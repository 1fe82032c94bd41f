"""What makes a data file of an older schema one of the next version."""

from typing import Final

# From the version that is the key to the next one; a file may take several steps. They never
# change: files of every version are about, and each step must find what its version left.
STEPS: Final = {
    1: """
ALTER TABLE rooms ADD COLUMN owner INTEGER;
ALTER TABLE rooms ADD COLUMN floor INTEGER NOT NULL DEFAULT 1;
ALTER TABLE rooms ADD COLUMN members INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN places INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN members_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN retention_s INTEGER;
ALTER TABLE rooms ADD COLUMN retention_messages INTEGER;
ALTER TABLE rooms ADD COLUMN shows_all_history INTEGER NOT NULL DEFAULT 1;
CREATE TABLE room_members (
  room       INTEGER NOT NULL,
  user       INTEGER NOT NULL,
  joined     INTEGER NOT NULL,
  joined_seq INTEGER NOT NULL,
  since      INTEGER NOT NULL,
  PRIMARY KEY (room, user)
) WITHOUT ROWID;
CREATE INDEX room_members_by_user ON room_members (user, joined);
CREATE TABLE leaving_users (user INTEGER PRIMARY KEY);
CREATE TABLE deleted_rooms (room INTEGER PRIMARY KEY);
""",
}
