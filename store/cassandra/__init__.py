"""The production store: Apache Cassandra 5 behind the services' port.

Importing this package does not import the driver; ``store.cassandra.store`` does.
"""
