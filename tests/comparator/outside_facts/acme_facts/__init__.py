"""Facts of another distribution, as its tests install it."""
