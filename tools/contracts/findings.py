"""What a rule says of a contract: its own name, the place, and a sentence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.contracts.documents import Document


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong, and where: a JSON pointer, empty for the whole contract."""

    pointer: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A complaint, of a rule, about a file."""

    file: str
    rule: str
    pointer: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.rule}: {self.pointer or '/'}: {self.text}"


# A rule is named after its function, with dashes.
Rule = Callable[[Document], Iterator[Complaint]]


def name_of(rule: Callable[..., object]) -> str:
    """Return the name under which ``rule`` complains."""
    name: str = getattr(rule, "__name__", "")
    return name.replace("_", "-")
