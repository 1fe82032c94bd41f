"""`ilo-window`: what its command line says, and what there has to be before a window opens."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

NO_TK: Final = (
    "ilo-window: this Python has no Tk, which draws the window. On Debian and Ubuntu:"
    " sudo apt install python3-tk. Without a window there is ilo-chat."
)
NO_DISPLAY: Final = (
    "ilo-window: there is no display to open a window on (DISPLAY is {display})."
    " Start it from a desktop. Without a window there is ilo-chat."
)

ABOUT: Final = """\
Rooms on Ilo that only those who are in them can read, in a window.

The first time it asks for a server, a name, a password, and a passphrase that locks your keys in
a folder on this computer; from then on the passphrase is enough. No secret is taken from the
command line.
"""
EXAMPLES: Final = """\
examples:
  ilo-window                                      the usual folder
  ilo-window --server https://chat.example        the first time, with the address filled in
  ilo-window --home ~/ilo-work --theme dark       a second person, each in a folder of their own

keys: Enter sends, Shift+Enter begins a line, Ctrl+N new room, Ctrl+M members, Ctrl+K keys,
Ctrl+L rooms, Alt+Up and Alt+Down change rooms, Escape goes back, Ctrl+Q quits.
"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="ilo-window",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--home",
        metavar="FOLDER",
        type=Path,
        help="where your keys and your session are: one person a folder"
        " (default: $ILO_HOME, else ~/.local/share/ilo)",
    )
    made.add_argument(
        "--theme",
        choices=("auto", "light", "dark"),
        default="auto",
        help="the colours; auto asks the desktop where it can be asked, and is light elsewhere",
    )
    made.add_argument(
        "--server",
        metavar="URL",
        default="",
        help="the address of the API, to be filled in where you sign in",
    )
    return made


def main() -> int:
    """Open the window, and return the exit code when it is closed."""
    given = parser().parse_args()
    try:
        import tkinter as tk
    except ImportError:
        sys.stderr.write(NO_TK + "\n")
        return 1
    from ilo_window.window import Window
    from ilo_window.worker import Worker

    try:
        root = tk.Tk(className="Ilo")
    except tk.TclError:
        sys.stderr.write(NO_DISPLAY.format(display=os.environ.get("DISPLAY") or "not set") + "\n")
        return 1
    Window(root, Worker(given.home), choice=given.theme, server=given.server).run()
    return 0
