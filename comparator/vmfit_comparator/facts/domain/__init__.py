"""The definition on the destination."""
