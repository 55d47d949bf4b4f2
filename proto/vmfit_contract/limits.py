"""Bounds that both ends of a call keep."""

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
