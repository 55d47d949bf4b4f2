"""NUMA nodes and pinned CPUs."""
