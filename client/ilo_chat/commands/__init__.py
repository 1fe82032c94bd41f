"""The commands, one module for each group: coroutines that take a `Context` and return the exit
code."""
