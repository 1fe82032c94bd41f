"""Runs every check of the project, one line each: `make check`.

All run, as many at once as there are processors, whatever fails; a failing one shows its
output. The exit code is 1 when one failed. A check whose program is not installed, or that
says so itself by ending with 3, is skipped, with the reason; with CI=true that is a failure
too. Nothing here needs a network.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parents[2]
NODE_TOOLS = "tools/check/node_modules/.bin"
WEB_TOOLS = "web/node_modules/.bin"
TYPESCRIPT = "generated_clients/typescript"
RULES = "tools/check/contracts"
OPENAPI = "spec/openapi.yaml"
ASYNCAPI = "spec/asyncapi.yaml"

# The slowest, several times over, on a machine with one busy core.
CHECK_TIMEOUT_S = 600.0
SKIPPED = 3
"""The exit code of a check of ours that could not look at everything."""


@dataclass(frozen=True, slots=True)
class Check:
    """A program to run in the root; it passes when the program exits with 0."""

    name: str
    program: str
    arguments: tuple[str, ...]


CHECKS = (
    Check("format", "ruff", ("format", "--check", ".")),
    Check("lint", "ruff", ("check", ".")),
    Check("types (mypy)", "mypy", ()),
    Check(
        "types (pyright)",
        f"{NODE_TOOLS}/pyright",
        ("--pythonpath", sys.executable, "--warnings"),
    ),
    Check(
        "types (clients)",
        "mypy",
        ("--config-file=", "--strict", "-p", "ilo_rest", "-p", "ilo_relay"),
    ),
    Check(
        "types (client)",
        "mypy",
        (
            "--config-file=client/pyproject.toml",
            *("-p", "ilo_client", "-p", "ilo_chat", "-p", "ilo_window"),
        ),
    ),
    Check(
        "types (clients, browser)",
        f"{TYPESCRIPT}/node_modules/.bin/tsc",
        ("--project", TYPESCRIPT, "--noEmit", "--strict"),
    ),
    Check(
        "types (clients, Node.js)",
        f"{TYPESCRIPT}/node_modules/.bin/tsc",
        ("--project", f"{TYPESCRIPT}/tsconfig.node.json", "--noEmit", "--strict"),
    ),
    Check("types (web)", f"{WEB_TOOLS}/tsc", ("--project", "web", "--noEmit", "--strict")),
    Check(
        "types (web, Node.js)",
        f"{WEB_TOOLS}/tsc",
        ("--project", "web/tsconfig.node.json", "--noEmit", "--strict"),
    ),
    Check("imports", "lint-imports", ("--no-cache", "--no-logo")),
    Check("yaml", "yamllint", ("--strict", "-c", "tools/check/yamllint.yaml", ".")),
    Check(
        "openapi.yaml (validator)",
        "openapi-spec-validator",
        ("--schema", "3.0", "--errors", "all", OPENAPI),
    ),
    Check(
        "contracts (redocly)",
        f"{NODE_TOOLS}/redocly",
        ("lint", "--config", f"{RULES}/redocly.yaml", OPENAPI, ASYNCAPI),
    ),
    Check(
        "contracts (spectral)",
        f"{NODE_TOOLS}/spectral",
        (
            "lint",
            "--ruleset",
            f"{RULES}/spectral.yaml",
            "--fail-severity=hint",
            OPENAPI,
            ASYNCAPI,
        ),
    ),
    Check(
        "contracts (our rules)", sys.executable, ("-m", "tools.contracts.lint", OPENAPI, ASYNCAPI)
    ),
    Check("contracts (gates)", sys.executable, ("-m", "tools.contracts.gates")),
    Check("asyncapi.yaml (parser)", "node", (f"{RULES}/asyncapi.mjs", ASYNCAPI)),
    Check("clients are fresh", sys.executable, ("-m", "tools.clients", "--check")),
    Check("pages are fresh", sys.executable, ("-m", "tools.reference", "--check")),
    Check("the page is fresh", sys.executable, ("-m", "tools.app", "--check")),
    Check("locks", sys.executable, ("-m", "tools.check.locks")),
    Check("installed packages", sys.executable, ("-m", "pip", "check")),
)


def environment() -> dict[str, str]:
    """Return the checks' environment: this interpreter's programs first, no calls home."""
    beside_python = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": beside_python + os.pathsep + os.environ.get("PATH", ""),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONWARNINGS": "",
        "REDOCLY_TELEMETRY": "off",
        "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ended: its exit code, what it said, and the seconds that it took."""

    code: int
    said: str
    took_s: float


def run(check: Check, env: dict[str, str]) -> Outcome:
    """Run ``check`` to its end, or to the end of our patience."""
    if which(check.program, path=env["PATH"]) is None:
        return Outcome(SKIPPED, f"{check.program} is not installed", 0.0)
    started = time.monotonic()
    try:
        done = subprocess.run(
            [check.program, *check.arguments],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=CHECK_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(1, f"no end after {CHECK_TIMEOUT_S:.0f} s", CHECK_TIMEOUT_S)
    return Outcome(done.returncode, done.stdout.strip("\n"), time.monotonic() - started)


def main() -> int:
    """Run the checks; return the exit code."""
    env = environment()
    in_ci = os.environ.get("CI") == "true"
    failed: list[str] = []
    skipped: list[str] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [(check, pool.submit(run, check, env)) for check in CHECKS]
        for check, future in runs:
            outcome = future.result()
            is_skipped = outcome.code == SKIPPED
            if is_skipped:
                reason = outcome.said.rpartition("\n")[2].removeprefix("skipped: ")
                skipped.append(f"check {check.name}: {reason}")
            if outcome.code == 0:
                word = "ok"
            elif is_skipped and not in_ci:
                word = "skipped"
            else:
                word = "FAILED"
                failed.append(check.name)
            print(f"{word:8}{check.name:26}{outcome.took_s:6.1f} s", flush=True)
            if word == "FAILED":
                print(f"{outcome.said}\n(exit {outcome.code})\n", flush=True)

    # The tests repeat these in their last lines, where they are seen.
    if record := os.environ.get("ILO_SKIPPED"):
        Path(record).write_text("".join(f"{line}\n" for line in skipped), encoding="utf-8")
    for line in skipped:
        print(f"skipped: {line}")
    print(f"{len(CHECKS)} checks, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
