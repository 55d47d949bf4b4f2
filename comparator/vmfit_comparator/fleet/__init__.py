"""Many hosts at once: their facts as columns over what the hosts have in common."""
