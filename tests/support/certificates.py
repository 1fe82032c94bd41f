"""Certificates for the loopback, as `ilo cert` makes them."""

from datetime import UTC, datetime
from pathlib import Path

from ilo.certificate import make_certificate, write_certificate


def certificate_in(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost and 127.0.0.1 in ``folder``; return it and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    made = make_certificate(datetime.now(UTC))  # noqa: TID251  # it has to be valid today
    return write_certificate(folder, made, force=False)
