"""Which bearer each operation of the REST contract takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tools.clients.errors import NotGenerated
from tools.contracts.documents import operations


class Credentials(NamedTuple):
    """The bearers one of which an operation takes, in the contract's order.

    None where anyone may call.
    """

    bearers: tuple[str, ...]
    is_needed: bool


def credentials_of_operations(contract: Mapping[str, Any]) -> dict[str, Credentials]:
    """Return the credentials of each `operationId`, in the contract's order.

    Raises:
        NotGenerated: a scheme is no bearer, or one call would need two of them.
    """
    schemes: Mapping[str, Any] = contract["components"]["securitySchemes"]
    for name, scheme in schemes.items():
        if (scheme["type"], scheme.get("scheme")) != ("http", "bearer"):
            raise NotGenerated(f"the security scheme {name} is no bearer")
    return {
        operation["operationId"]: _credentials(
            operation["operationId"], operation.get("security", contract.get("security", []))
        )
        for _, _, _, operation in operations(contract)
    }


def _credentials(operation_id: str, security: list[Mapping[str, Any]]) -> Credentials:
    if any(len(alternative) > 1 for alternative in security):
        raise NotGenerated(f"{operation_id} takes two credentials in one call")
    bearers = tuple(name for alternative in security for name in alternative)
    return Credentials(bearers, is_needed=bool(security) and {} not in security)
