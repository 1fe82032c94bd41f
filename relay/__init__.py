"""The WebSocket door: sockets in, services asked, frames out; held to ``spec/asyncapi.yaml``."""
