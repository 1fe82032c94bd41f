"""Why a command of `ilo` ends before it has begun: known reasons, without a traceback."""

from collections.abc import Sequence


class CommandRefused(Exception):
    """The command cannot do what was asked; ``lines`` say why, each whole in itself.

    They name the place and the rule, never a value that might be a secret.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class ConfigRefused(CommandRefused):
    """The configuration breaks rules; one line for each, ``file: key: rule``."""

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        super().__init__(*(f"{file}: {problem}" for problem in problems))
