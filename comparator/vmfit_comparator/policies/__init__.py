"""Policies: YAML files, the built-in ones beside this, and CEL."""
