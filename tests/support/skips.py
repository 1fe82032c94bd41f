"""A pytest plugin that lets no skip go unseen.

With CI=true a skipped test is a failed one: a machine that checks everything must have
what everything needs. Elsewhere the reasons stand in the last lines of the run, with those
of the checks before it (the file that ILO_SKIPPED names).
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

IN_CI = os.environ.get("CI") == "true"


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    # A test marked xfail reports itself as skipped too; it did run.
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"With CI=true a skip is a failure. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    record = Path(os.environ.get("ILO_SKIPPED") or os.devnull)
    if record.exists() and (lines := record.read_text(encoding="utf-8").splitlines()):
        terminalreporter.section("skipped checks")
        for line in lines:
            terminalreporter.write_line(f"SKIPPED {line}")
