"""Records a host into a directory, and reads such a directory as a host."""
