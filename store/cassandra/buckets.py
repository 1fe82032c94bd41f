"""How the log of a room is cut into partitions."""

from typing import Final

BUCKET_SEQS: Final = 512
"""So many messages share a partition: the first has those from 1 on."""


def bucket_of(seq: int) -> int:
    """Return the bucket of a message; ``seq`` is at least 1."""
    return (seq - 1) // BUCKET_SEQS


def first_of(bucket: int) -> int:
    return bucket * BUCKET_SEQS + 1


def last_of(bucket: int) -> int:
    return (bucket + 1) * BUCKET_SEQS
