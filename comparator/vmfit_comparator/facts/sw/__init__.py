"""Software versions, and what they know of the migration asked for."""
