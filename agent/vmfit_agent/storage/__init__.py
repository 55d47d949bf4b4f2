"""Reads storage: block devices, file systems, paths and image headers."""
