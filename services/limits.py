"""The sizes, counts, times and rates that Ilo enforces; each may be set by the operator.

The names are those of ``limits`` and ``rates`` in the configuration and of ``limits`` in the
relay's ``welcome`` frame. Bytes are bytes of UTF-8. Every bound is inclusive. Retention is for
rooms that say nothing of their own.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    frame_bytes: int = 320 * 1024
    message_bytes: int = 256 * 1024
    public_key_bytes: int = 16 * 1024
    body_bytes: int = 64 * 1024
    json_depth: int = 32
    frames_per_s: int = 50
    frames_burst: int = 200
    unacked_messages: int = 64
    connections_per_user_and_room: int = 10
    connections_per_user: int = 200
    signal_bytes: int = 4096
    rooms_per_user: int = 1000
    invitations_per_user: int = 200
    members_per_private_room: int = 400
    members_per_open_room: int = 10_000
    retention_s: int = 30 * 24 * 60 * 60
    retention_messages: int = 100_000


@dataclass(frozen=True, slots=True)
class Rates:
    keys_per_source_and_hour: int = 20
    login_failures_per_account_and_source: int = 10
    login_failures_per_account: int = 100
    login_failures_per_source: int = 100
    login_failure_window_s: int = 300
    login_retry_after_max_s: int = 900
