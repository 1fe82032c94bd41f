"""What both references begin with, and how credentials are named in both."""

from collections.abc import Iterator

from tools.reference.document import Document
from tools.reference.markup import code, heading, link, table


def front_sections(document: Document, title: str) -> Iterator[str]:
    """Yield the title and what the contract says of itself."""
    info = document.child(document.root, "info")
    info.only("title", "version", "description", "license", "contact", "tags")
    licence = document.child(info, "license")
    licence.only("name", "url")
    contact = document.child(info, "contact")
    contact.only("name", "url")
    yield heading(1, title, "reference")
    yield (
        f"**{info.text('title')}**, version {code(info.text('version'))}. "
        f"Licence: [{licence.text('name')}]({licence.text('url')}). "
        f"By [{contact.text('name')}]({contact.text('url')})."
    )
    yield info.text("description")


def credential_sections(document: Document) -> Iterator[str]:
    """Yield the table of the security schemes; each has the anchor `security-` and its name."""
    yield heading(2, "Credentials", "credentials")
    rows: list[list[str]] = []
    for scheme in document.components("securitySchemes"):
        scheme.only("type", "scheme", "in", "name", "x-prefix", "description")
        match scheme.node:
            case {"type": "http", "scheme": str(kind)}:
                sent = f"header {code('Authorization')}, scheme {code(kind)}"
            case {"type": str(), "in": str(place), "name": str(name)}:
                sent = f"{place} {code(name)}"
                if "x-prefix" in scheme.node:
                    sent += f", after {code(scheme.text('x-prefix'))}"
            case _:
                sent = code(scheme.text("type"))
        anchored = f"{code(scheme.name)}{{#security-{scheme.name}}}"
        rows.append([anchored, sent, scheme.text("description")])
    yield table(("Credential", "Sent in", "Meaning"), rows)


def credential(name: str) -> str:
    return link(code(name), f"security-{name}")
