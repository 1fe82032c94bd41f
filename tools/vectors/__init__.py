"""The test vectors of the envelope, spec/vectors/: how they are made, and what they say.

They are written once and then frozen: sealing is never twice the same. Every client runs
them, and has to come to the verdict that stands beside each.
"""
