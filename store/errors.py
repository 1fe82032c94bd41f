"""Why a store does not open."""


class StoreRefused(Exception):
    """What is configured cannot be right, or the data must not be touched as they stand.

    The text tells the operator which. Waiting does not help: something has to be changed.
    """
