"""What was used of the processor: unlike time, it does not grow with what else the machine does."""

import resource


def children_s() -> float:
    """Return the processor's seconds that the children took that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
