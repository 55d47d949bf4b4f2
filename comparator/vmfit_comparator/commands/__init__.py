"""The subcommands of `vmfit`, one module each, loaded by name."""
