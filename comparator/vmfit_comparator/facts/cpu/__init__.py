"""The guest's CPU, and what the hosts give of it."""
