"""Runs every check of the project, one line each: `make check`.

All run, as many at once as there are processors, whatever fails; a failing one shows its
output. The exit code is 1 when one failed. A check whose program is not installed is skipped,
with the reason; with CI=true that is a failure too. Nothing here needs a network.
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
RULES = "tools/check/contracts"
OPENAPI = "spec/openapi.yaml"
ASYNCAPI = "spec/asyncapi.yaml"

# The slowest, several times over, on a machine with one busy core.
CHECK_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Check:
    """A program to run in the root; it fails when the program exits with anything but 0."""

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
    Check("asyncapi.yaml (parser)", "node", (f"{RULES}/asyncapi.mjs", ASYNCAPI)),
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


def run(check: Check, env: dict[str, str]) -> tuple[str | None, float]:
    """Run ``check``; return what it said if it failed, else None, and the seconds it took."""
    started = time.monotonic()
    return _complaint(check, env), time.monotonic() - started


def _complaint(check: Check, env: dict[str, str]) -> str | None:
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
        return f"no end after {CHECK_TIMEOUT_S:.0f} s"
    return None if done.returncode == 0 else f"{done.stdout}\n(exit {done.returncode})"


def main() -> int:
    """Run the checks in order; return the exit code."""
    env = environment()
    in_ci = os.environ.get("CI") == "true"
    failed: list[str] = []
    skipped: list[str] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        there = {check for check in CHECKS if which(check.program, path=env["PATH"])}
        runs = {check: pool.submit(run, check, env) for check in CHECKS if check in there}
        for check in CHECKS:
            if check not in there:
                skipped.append(f"check {check.name}: {check.program} is not installed")
                print(f"{'FAILED' if in_ci else 'skipped':8}{check.name}", flush=True)
                continue
            complaint, took_s = runs[check].result()
            word = "ok" if complaint is None else "FAILED"
            print(f"{word:8}{check.name:26}{took_s:6.1f} s", flush=True)
            if complaint is not None:
                failed.append(check.name)
                print(complaint.strip("\n"), end="\n\n", flush=True)

    # The tests repeat these in their last lines, where they are seen.
    if record := os.environ.get("ILO_SKIPPED"):
        Path(record).write_text("".join(f"{line}\n" for line in skipped), encoding="utf-8")
    for line in skipped:
        print(f"skipped: {line}")
    if in_ci:
        failed += skipped
    print(f"{len(CHECKS)} checks, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
