"""Each schema of both contracts means the same, whichever dialect it is read in."""

from typing import Any

import pytest

from spec import load_asyncapi, load_openapi
from tools.contracts.dialects import as_openapi, judgements

CONTRACTS = {"openapi": load_openapi(), "asyncapi": load_asyncapi()}
NAMED = [
    (contract, name)
    for contract, root in CONTRACTS.items()
    for name in root["components"]["schemas"]
]


@pytest.mark.parametrize(("contract", "name"), NAMED, ids=map("-".join, NAMED))
def test_the_dialects_agree_on_every_instance(contract: str, name: str) -> None:
    said = list(judgements(CONTRACTS[contract], name))

    assert [instance for instance, verdicts in said if len(set(verdicts.values())) > 1] == []
    # On both sides of what the schema says, or nothing is shown.
    admitted = [all(verdicts.values()) for _, verdicts in said]
    assert True in admitted
    assert admitted.count(False) >= 5


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "nullable": True},
        {"type": "integer", "exclusiveMinimum": 5},
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "contains": {"maxLength": 0}},
        {"type": "object", "properties": {"ab": {}}, "propertyNames": {"maxLength": 1}},
    ],
)
def test_what_the_dialects_read_differently_shows(schema: dict[str, Any]) -> None:
    said = judgements({"components": {"schemas": {"Odd": schema}}}, "Odd")

    assert any(len(set(verdicts.values())) > 1 for _, verdicts in said)


def test_a_constant_is_a_list_of_one_to_openapi() -> None:
    assert as_openapi({"properties": {"type": {"const": "a"}}}) == {
        "properties": {"type": {"enum": ["a"]}}
    }
