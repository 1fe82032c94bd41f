"""What the contracts declare and no test can see, with the reason; at most ten things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NEVER_SEEN: Final[Mapping[tuple[str, str], str]] = {}
"""By kind and thing, as :func:`tests.support.seen.saw` has them."""
