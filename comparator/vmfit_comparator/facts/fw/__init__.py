"""Firmware and boot files."""
