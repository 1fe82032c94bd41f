"""Rooms in a terminal: `ilo-chat`."""
