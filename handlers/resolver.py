"""Finds the function of each operation: tag and operationId are module and function."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from handlers.call import Call
from handlers.contract import Contract

Handler = Callable[[Call], Awaitable[Mapping[str, Any]]]
"""An operation: takes the checked request, returns the JSON of its one success."""


class HandlersDisagree(Exception):
    """Contract and handlers do not name the same operations; the text says which."""


def find_handlers(
    contract: Contract, find_module: Callable[[str], ModuleType] | None = None
) -> dict[str, Handler]:
    """Return every operation's function by its operationId.

    ``find_module`` returns the module of a tag, or raises ``ModuleNotFoundError``; without
    it, the tags are modules of this package.

    Raises:
        HandlersDisagree: an operation has no handler, or a handler no operation.
    """
    found: dict[str, Handler] = {}
    public: dict[str, str] = {}
    for tag in sorted({operation.tag for operation in contract.operations.values()}):
        try:
            module = (find_module or _own_module)(tag)
        except ModuleNotFoundError:
            continue
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                public[name] = tag
                found[name] = function
    disagreements = [
        f"the operation {operation.operation_id} has no handler {operation.operation_id}() "
        f"in the module {operation.tag}"
        for operation in contract.operations.values()
        if public.get(operation.operation_id) != operation.tag
    ]
    disagreements += [
        f"the handler {name}() in the module {tag} has no operation {name}"
        for name, tag in public.items()
        if name not in contract.operations
    ]
    if disagreements:
        raise HandlersDisagree("; ".join(disagreements))
    return found


def _own_module(tag: str) -> ModuleType:
    return import_module(f"handlers.{tag}")
