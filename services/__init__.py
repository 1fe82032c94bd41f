"""What Ilo does, in plain Python: no HTTP, no sockets, no files, no event loop."""
