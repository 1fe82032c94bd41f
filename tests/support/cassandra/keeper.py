"""Runs a program for as long as its owner lives: nothing that tests started outlives them.

    python keeper.py OWNER PID_FILE LOG FOLDER COMMAND...

Returns at once; what stays is a process that belongs to nobody, in a session of its own, since a
Ctrl-C at the terminal is for the owner. PID_FILE then holds the program's process id and the
time of its start. OWNER is a process id, or 0 for a program that runs until somebody ends it.
When the owner is gone, however it went, the program is killed and FOLDER deleted ("" for none);
when the program ends before that, so does the keeper, and FOLDER stays.
Should the keeper itself be killed, the kernel kills the program.

It is started by its path, and imports nothing of ours.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

LOOK_S: Final = 0.2
PR_SET_PDEATHSIG: Final = 1


def keep(owner: int, pid_file: Path, log: Path, folder: str, command: list[str]) -> None:
    """Return when ``command`` has ended, or ``owner`` was gone before it began."""
    try:
        owned_by = psutil.Process(owner) if owner else None
    except psutil.NoSuchProcess:
        return
    program = _start(command, log)
    # Who waits for the file finds it whole.
    written = pid_file.with_suffix(".new")
    written.write_text(f"{program.pid} {psutil.Process(program.pid).create_time()}", "ascii")
    written.replace(pid_file)
    while owned_by is None or _is_alive(owned_by):
        try:
            program.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            continue
        return
    program.kill()
    program.wait()
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def _start(command: list[str], log: Path) -> "subprocess.Popen[bytes]":
    libc = ctypes.CDLL(None)
    with log.open("ab") as output:
        # Between fork and exec a process of one thread does one system call.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        )


def _is_alive(owner: psutil.Process) -> bool:
    # Another process of the same number is not the owner: psutil knows by the time of its start.
    try:
        return bool(owner.is_running()) and owner.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    if os.fork() == 0:
        os.setsid()
        number, pid_path, log_path, doomed, *rest = sys.argv[1:]
        keep(int(number), Path(pid_path), Path(log_path), doomed, rest)
