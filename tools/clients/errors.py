"""What stops the generation of the clients."""


class NotGenerated(Exception):
    """A contract says what a generator cannot express, or a generator failed."""


class NoGenerator(Exception):
    """A generator, or what runs it, is not installed."""
