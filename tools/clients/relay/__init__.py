"""The clients of the relay, written from ``spec/asyncapi.yaml``: one model, one set of templates a
language."""

from tools.clients.relay.python import write_relay_package

__all__ = ["write_relay_package"]
