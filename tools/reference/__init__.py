"""The contracts as text for people: Markdown, and the offline pages made from it.

``python -m tools.reference`` writes ``handlers/pages/built/``. Whatever stands in a contract
stands in its reference too: a part that no renderer knows is an error, never left out.
"""

from tools.reference.document import NotRendered
from tools.reference.relay import relay_reference
from tools.reference.rest import rest_reference

__all__ = ["NotRendered", "relay_reference", "rest_reference"]
