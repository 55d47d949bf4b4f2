"""Hosts and VMs of a request: agents asked once, snapshot files, the inventory."""
