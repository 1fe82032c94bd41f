"""What a member that is left out means, before and after."""

from collections.abc import Iterator
from typing import Any

from tools.contracts.documents import follow


def changed_defaults(old: Any, before: Any, new: Any, after: Any) -> Iterator[str]:
    """Yield the members of the schema ``before`` whose default is another, or gone, in ``after``.

    ``old`` and ``new`` are the contracts that the references of each lead into.
    """
    was, now = follow(old, before, "")[0], follow(new, after, "")[0]
    for name, schema in was.get("properties", {}).items():
        if name in now.get("properties", {}):
            given = follow(old, schema, "")[0]
            kept = follow(new, now["properties"][name], "")[0]
            if "default" in given and given["default"] != kept.get("default"):
                yield name
