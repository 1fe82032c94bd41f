"""The Content-Security-Policy of every page: the least under which it works.

No page may run inline script, talk to another origin, or stand in a frame.
"""

from __future__ import annotations

from typing import Final

_NEVER = (
    "default-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
_PAGE = (
    *_NEVER,
    "script-src 'self'",
    "connect-src 'self'",
    # Both libraries, and Swagger UI's style sheet, carry their icons as data: URLs.
    "img-src 'self' data:",
)

# The digest of the empty string. styled-components opens an empty <style> element and
# fills it through the object model, which a policy does not restrict: only the element
# itself has to be admitted.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"

# The digest of the scroll bars' style sheet, which ReDoc 2.5.4 writes into the page
# whether or not its own scroll bars are in use. Chromium names a new one in its console.
_SCROLL_BAR_STYLE = "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"


def _policy(*directives: str) -> bytes:
    return "; ".join(directives).encode("ascii")


DATA_POLICY: Final = _policy(*_NEVER)
"""For what is no page: scripts, style sheets, JSON."""

SWAGGER_POLICY: Final = _policy(*_PAGE, "style-src 'self'")

REDOC_POLICY: Final = _policy(
    *_PAGE,
    f"style-src 'self' {_EMPTY_STYLE} {_SCROLL_BAR_STYLE}",
    # The search index is built in a worker that the bundle carries as text.
    "worker-src blob:",
)

REFERENCE_POLICY: Final = _policy(*_NEVER, "style-src 'self'", "img-src 'self'")
"""For ``/asyncapi``, which is only text."""

PROBLEM_POLICY: Final = _policy(*_NEVER, "style-src 'self'", "img-src 'self'")
"""For ``/problems`` and what is below it, only text too."""


def app_policy(relay_url: str) -> bytes:
    """Return the policy of ``/``, which talks to this API and to the relay at ``relay_url``.

    No text of its becomes HTML or script: Trusted Types, with no policy that makes any.

    Raises:
        ValueError: ``relay_url`` would say something else in a policy.
    """
    if any(mark in relay_url for mark in " ;,'\"\t\r\n"):
        raise ValueError("the relay's URL cannot stand in a Content-Security-Policy")
    return _policy(
        *_NEVER,
        "script-src 'self'",
        "style-src 'self'",
        f"connect-src 'self' {relay_url}",
        "img-src 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
