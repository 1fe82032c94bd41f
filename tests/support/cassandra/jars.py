"""What a Cassandra is made of: its jars, brought by Maven once, and the Java that runs them.

The jars stand in ``.make/cassandra/VERSION``, where `make clean` finds them; jars.sha256 says
what they must be. Maven is only needed while they are not there.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
STATE: Final = HERE.parents[2] / ".make" / "cassandra"
POM: Final = HERE / "pom.xml"
SUMS: Final = HERE / "jars.sha256"
JAVA: Final = "17"
FETCH_S: Final = 600.0
"""A slow line brings 70 MB in that time."""


class NoCassandra(Exception):
    """This machine cannot run one; the text says what is missing."""


class WrongJars(Exception):
    """What Maven brought is not what jars.sha256 says."""


def version() -> str:
    """Return the version of Cassandra that the tests run with."""
    match = re.search(r"cassandra-all</artifactId>\s*<version>([^<]+)", POM.read_text("utf-8"))
    assert match is not None
    return match[1]


def missing() -> str:
    """Return what this machine lacks for a node, as a reason to skip; empty when it has all.

    Raises:
        WrongJars: Maven brought others than the right ones.
    """
    try:
        java()
        jars()
    except NoCassandra as lacks:
        return str(lacks)
    return ""


def jars() -> Path:
    """Return the folder that holds the jars, checked, after bringing what is not there.

    Raises:
        NoCassandra: Maven is missing, or could not bring them.
        WrongJars: they are not the right ones.
    """
    folder = STATE / version()
    STATE.mkdir(parents=True, exist_ok=True)
    with locked(STATE / "jars.lock"):
        if any(faults(folder, SUMS)):
            _fetch(folder)
    return folder


def faults(folder: Path, sums: Path) -> Iterator[str]:
    """Yield what is wrong with the jars of ``folder``: missing, changed, or not in ``sums``."""
    lines = [line.split() for line in sums.read_text("utf-8").splitlines()]
    wanted = {name: digest for digest, name in lines}
    there = {file.name for file in folder.glob("*.jar")}
    for name, digest in wanted.items():
        if name not in there:
            yield f"{name} is missing"
        elif hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            yield f"{name} has another SHA-256"
    for name in sorted(there - set(wanted)):
        yield f"{name} is in no list"


def java() -> Path:
    """Return a Java that Cassandra runs on: of JAVA_HOME, of PATH, or where Debian has it.

    Raises:
        NoCassandra: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java")
    candidates = [Path(home) / "bin" / "java"] if home else []
    candidates += [Path(found)] if found else []
    candidates += sorted(Path("/usr/lib/jvm").glob(f"java-{JAVA}-*/bin/java"))
    for candidate in candidates:
        if _is_right(candidate):
            return candidate
    raise NoCassandra(f"no Java {JAVA} (apt: openjdk-{JAVA}-jre-headless)")


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold ``file`` against all other processes; it is made if it is not there."""
    with file.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _is_right(candidate: Path) -> bool:
    if not os.access(candidate, os.X_OK):
        return False
    told = subprocess.run([candidate, "-version"], capture_output=True, text=True, check=False)
    return f'version "{JAVA}' in told.stderr


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoCassandra("no Maven, which brings Cassandra's jars (apt: maven)")
    brought = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(brought, ignore_errors=True)
    goal = f"-DoutputDirectory={brought}", "dependency:copy-dependencies"
    try:
        told = subprocess.run(
            [maven, "-B", "-q", "-f", POM, *goal],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=FETCH_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoCassandra(f"Maven did not bring Cassandra's jars in {FETCH_S:.0f} s") from None
    if told.returncode != 0:
        raise NoCassandra(f"Maven could not bring Cassandra's jars:\n{told.stdout[-2000:]}")
    if wrong := list(faults(brought, SUMS)):
        raise WrongJars("\n".join(wrong))
    shutil.rmtree(folder, ignore_errors=True)
    brought.rename(folder)
