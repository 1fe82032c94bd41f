"""Ilo for half an hour with people who come and go: `python -m benchmarks.soak`."""
