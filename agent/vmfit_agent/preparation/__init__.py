"""The process that changes something on the host, on behalf of VMs that are to come."""
