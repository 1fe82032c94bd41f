"""The operations, by their tag in the contract."""
