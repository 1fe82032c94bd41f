"""What keeps the store from serving, in words for the operator. Does not import the driver."""

from services.errors import IloError, StoreUnavailable


class NotReady(StoreUnavailable):
    """``reason`` is for the operator only; nothing but ``check`` raises it."""

    def __init__(self, reason: str) -> None:
        IloError.__init__(self, reason)
