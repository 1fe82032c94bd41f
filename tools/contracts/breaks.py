"""A break: a change after which somebody who keeps to the released contract is let down."""

from dataclasses import dataclass, field
from typing import Any, Literal

from tools.contracts.witness import NO_WITNESS, shown

Gate = Literal["rest", "relay"]


@dataclass(frozen=True, slots=True)
class Break:
    """``id`` names it for good, in the changelog too; ``witness`` is an instance that shows it."""

    id: str
    text: str
    witness: Any = field(default=NO_WITNESS, hash=False, compare=False)

    def __str__(self) -> str:
        lines = f"{self.id}: {self.text}"
        return (
            lines if self.witness is NO_WITNESS else f"{lines}\n    witness: {shown(self.witness)}"
        )
