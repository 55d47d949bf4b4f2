"""An area that vmfit has as well."""
