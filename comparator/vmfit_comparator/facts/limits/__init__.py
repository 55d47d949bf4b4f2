"""Limits of the destination's kernel."""
