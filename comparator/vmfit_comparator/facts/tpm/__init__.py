"""TPMs."""
