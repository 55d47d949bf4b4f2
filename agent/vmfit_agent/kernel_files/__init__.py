"""Reads files of /proc, /sys and the control groups."""
