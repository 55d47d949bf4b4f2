"""The hosts as such."""
