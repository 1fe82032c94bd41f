"""A contract as the renderers read it: references followed, nothing overlooked."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.contracts.documents import join, steps_of

Node = Mapping[str, Any]


class NotRendered(Exception):
    """A contract holds what no renderer knows; names the place and the members."""

    def __init__(self, place: str, what: Collection[str]) -> None:
        super().__init__(f"{place}: the reference has no place for {', '.join(sorted(what))}")
        self.place = place


@dataclass(frozen=True, slots=True)
class Part:
    """An object of a contract, and its ``place`` as a JSON pointer fragment (RFC 6901)."""

    place: str
    node: Node

    @property
    def name(self) -> str:
        """The last step of the place: a component's name."""
        return steps_of(self.place)[-1]

    @property
    def kind(self) -> str:
        """The steps before the name, without the first: `components/schemas`."""
        return self.place.removeprefix("#/").rpartition("/")[0]

    def only(self, *known: str) -> None:
        """Insist that there is nothing beside ``known``.

        Raises:
            NotRendered: there is.
        """
        if unknown := self.node.keys() - set(known):
            raise NotRendered(self.place, unknown)

    def text(self, name: str) -> str:
        """Return the prose under ``name``, without the white space around it; may be empty."""
        return str(self.node.get(name, "")).strip()


class Document:
    """``contract`` as loaded, with local references."""

    def __init__(self, contract: Node) -> None:
        self.root = Part("#", contract)

    def at(self, place: str) -> Part:
        """Return the object at ``place``, references followed.

        Raises:
            NotRendered: there is none.
        """
        node: Any = self.root.node
        for name in steps_of(place):
            if not isinstance(node, Mapping) or name not in node:
                raise NotRendered(place, [name])
            node = node[name]
        return self.follow(Part(place, node))

    def follow(self, part: Part) -> Part:
        """Return what ``part`` refers to, or itself."""
        if "$ref" not in part.node:
            return part
        # AsyncAPI and OpenAPI 3.0 ignore what stands beside a reference; here it is refused.
        part.only("$ref")
        return self.at(part.node["$ref"])

    def child(self, part: Part, name: str) -> Part:
        """Return the object under ``name``, references followed."""
        return self.follow(self.unfollowed(part, name))

    def unfollowed(self, part: Part, name: str) -> Part:
        """Return the object under ``name`` as it stands there; an empty one for none."""
        return Part(join(part.place, name), part.node.get(name, {}))

    def children(self, part: Part, name: str) -> Iterator[tuple[str, Part]]:
        """Yield key and object, references followed, of the mapping under ``name``."""
        parent = self.unfollowed(part, name)
        for key in parent.node:
            yield str(key), self.child(Part(parent.place, parent.node), key)

    def components(self, kind: str) -> Iterator[Part]:
        """Yield the components of a ``kind`` in the contract's order."""
        root = self.unfollowed(self.root, "components")
        for _, part in self.children(root, kind):
            yield part
