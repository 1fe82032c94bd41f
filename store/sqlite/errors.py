"""Why the embedded store does not open."""


class StoreRefused(Exception):
    """The data must not be touched as it stands; the text tells the operator why."""
