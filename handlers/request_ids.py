"""The name of one request: in its answer, in its problem and in the log."""

import os


def new_request_id() -> str:
    """Return a new random UUID of version 4."""
    # The same as uuid.uuid4() without making the object: every request pays for it.
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
