"""The guest's disks."""
