"""The running API against its contract: requests that nobody thought of, made from it alone.

Schemathesis goes through all of its phases with all of its checks. What it is told beyond
the contract stands in :mod:`tests.contract.applicants`: valid credentials, and valid input
where a schema cannot say all that the contract says in words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.run import PhaseName

from spec import load_openapi
from tests.contract.applicants import ENVIRONMENT, Applicants, keep_the_rules
from tests.support.ilo_process import running

PHASES: Final = {
    PhaseName.EXAMPLES,
    PhaseName.COVERAGE,
    PhaseName.FUZZING,
    PhaseName.STATEFUL_TESTING,
}
# Has a limit only where one is set: how long an answer takes is no matter of the contract.
NO_MATTER_OF_THE_CONTRACT: Final = {"max_response_time"}
# Thousands of requests come from one address.
RATES: Final = {
    "keys_per_source_and_hour": 1_000_000,
    "login_failures_per_account_and_source": 10_000,
    "login_failures_per_account": 100_000,
    "login_failures_per_source": 100_000,
}
CONFIG: Final[dict[str, Any]] = {
    "seed": 1,
    "continue-on-failure": True,
    "request-timeout": 60.0,
    "generation": {
        "max-examples": 8,
        "deterministic": True,
        "database": "none",
        "no-shrink": True,
        # "Strict JSON" refuses U+0000 everywhere, which no schema can say.
        "allow-x00": False,
    },
    "phases": {"stateful": {"generation": {"max-examples": 5}}},
}


@dataclass(slots=True)
class Run:
    """What came of it; ``failures`` name check, operation and reason."""

    phases: set[PhaseName] = field(default_factory=set)
    checks: set[str] = field(default_factory=set)
    statuses: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    failures: list[str] = field(default_factory=list)

    def add(self, event: events.EngineEvent) -> None:
        match event:
            case events.PhaseFinished(phase=phase, status=Status.SUCCESS | Status.FAILURE):
                self.phases.add(phase.name)
            case events.ScenarioFinished(recorder=recorder):
                for case_id, interaction in recorder.interactions.items():
                    if interaction.response is not None:
                        label = recorder.cases[case_id].value.operation.label
                        self.statuses[label].add(interaction.response.status_code)
                for case_id, results in recorder.checks.items():
                    label = recorder.cases[case_id].value.operation.label
                    for result in results:
                        self.checks.add(result.name)
                        if result.failure_info is not None:
                            said = result.failure_info.failure
                            self.failures.append(f"{result.name} {label}: {said.message}")
            case events.NonFatalError(label=label, value=error):
                self.failures.append(f"{label}: {error}")
            case events.FatalError(exception=fault):
                self.failures.append(repr(fault))
            case _:
                pass


def closed(node: Any) -> Any:
    """Return schemas in which no object has a member without a name."""
    if isinstance(node, list):
        return [closed(child) for child in node]
    if not isinstance(node, dict):
        return node
    copy = {name: closed(child) for name, child in node.items()}
    if node.get("type") == "object" and "properties" in node:
        copy["additionalProperties"] = False
    return copy


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    document = load_openapi()
    # Clients ignore members that they do not know; a server that sends them has a bug.
    document["components"]["schemas"] = closed(document["components"]["schemas"])
    config = schemathesis.Config.from_dict(CONFIG)
    schema = schemathesis.openapi.from_dict(document, config=config)
    folder = tmp_path_factory.mktemp("ilo")
    with (
        running(Path(folder), {"rates": RATES}, environment=ENVIRONMENT) as ilo,
        closing(Applicants(ilo)) as applicants,
    ):
        schema.config.update(base_url=ilo.api_url)

        @schema.hook
        def map_case(_context: schemathesis.HookContext, case: Any) -> Any:
            keep_the_rules(applicants, case)
            return case

        @schema.auth(refresh_interval=None)
        class Bearer:
            def get(self, case: Any, context: schemathesis.AuthContext) -> str:
                operation_id = context.operation.definition.raw["operationId"]
                return applicants.bearer(operation_id, case)

            def set(self, case: Any, token: str, _context: schemathesis.AuthContext) -> None:
                case.headers["Authorization"] = f"Bearer {token}"

        outcome = Run()
        for event in from_schema(schema).execute():
            outcome.add(event)
        yield outcome


def test_the_api_is_what_its_contract_says(run: Run) -> None:
    assert run.failures == []


def test_all_phases_and_all_checks_have_run(run: Run) -> None:
    load_all_checks()
    known = set(CHECKS.get_all_names()) - NO_MATTER_OF_THE_CONTRACT

    assert run.phases >= PHASES
    assert run.checks == known


def test_every_operation_has_succeeded_and_refused(run: Run) -> None:
    operations = {
        f"{method.upper()} {path}"
        for path, item in load_openapi()["paths"].items()
        for method in item
        if method != "parameters"
    }

    assert set(run.statuses) == operations
    for label, statuses in run.statuses.items():
        assert min(statuses) < 300, label
        assert max(statuses) >= 400, label
        assert max(statuses) < 500, label
