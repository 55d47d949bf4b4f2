"""Compares two hosts' facts for one VM and answers fact by fact."""

__version__ = "0.1.0"
