"""The machine type and the device models."""
