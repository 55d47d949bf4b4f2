"""Gathers a host's facts and serves them over gRPC."""

__version__ = "0.1.0"
