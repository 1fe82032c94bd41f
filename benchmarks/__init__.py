"""What Ilo claims about speed, runnable: `python -m benchmarks`."""
