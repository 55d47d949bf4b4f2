"""A small certificate authority, for trying out and for small sites."""
