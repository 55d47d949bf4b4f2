"""Secrets, confinement, certificates and who may connect."""
