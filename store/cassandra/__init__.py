"""The production store: Apache Cassandra 5 behind the services' port."""
