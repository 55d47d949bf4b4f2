"""The VM's own state, and what runs in it."""
