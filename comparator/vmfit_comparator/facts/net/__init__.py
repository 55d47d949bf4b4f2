"""The guest's NICs, and the way that the migration's data takes."""
