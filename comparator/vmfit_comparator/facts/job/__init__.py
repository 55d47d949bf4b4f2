"""Jobs that run on the VM."""
