"""Rooms in a window: `ilo-window`."""
