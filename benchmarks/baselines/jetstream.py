"""NATS with JetStream that syncs every message: writes its configuration and becomes it.

    python jetstream.py --server PROGRAM --folder FOLDER [--port 0]

FOLDER is made anew, on the disk to measure. The process itself is the server in the end, so
that its CPU can be read; another one says `ready <port>` when it is, and is gone then.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

START_TIMEOUT_S = 30.0
CONFIG = """\
listen: "127.0.0.1:{port}"
ports_file_dir: {folder}
log_file: {log}
jetstream {{
  store_dir: {store}
  sync_interval: always
}}
"""
ANY_PORT = -1  # as NATS says it


def become_server(program: str, folder: Path, port: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = folder / "nats.conf"
    config.write_text(
        CONFIG.format(
            port=port or ANY_PORT,
            folder=json.dumps(str(folder)),
            log=json.dumps(str(folder / "nats.log")),
            store=json.dumps(str(folder / "store")),
        )
    )
    # A grandchild: the server would never ask how its own child ended.
    crier = [sys.executable, __file__, "--folder", str(folder), "--cry", str(os.getpid())]
    subprocess.run(["/bin/sh", "-c", '"$@" &', "sh", *crier], check=True)
    os.execv(program, [program, "--config", str(config)])


def say_when_ready(folder: Path, server: int) -> None:
    ports = folder / f"nats-server_{server}.ports"
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            url: str = json.loads(ports.read_text())["nats"][0]
        except (FileNotFoundError, json.JSONDecodeError):
            time.sleep(0.02)
            continue
        print("ready", url.rpartition(":")[2], flush=True)
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", help="the nats-server to run")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cry", type=int, metavar="PID", help="say when that server is ready")
    options = parser.parse_args()
    if options.cry is not None:
        say_when_ready(options.folder, options.cry)
    else:
        become_server(options.server, options.folder, options.port)


if __name__ == "__main__":
    main()
