"""Devices of the host's that the guest uses, and what never migrates."""
