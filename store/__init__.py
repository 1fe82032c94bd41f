"""Where Ilo keeps things: each package here implements ``services.ports.Store``."""
