"""Plugs the doors, the services and the store together, and starts them."""

__version__ = "0.1.0"
