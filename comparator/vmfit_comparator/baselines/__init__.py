"""What several hosts have in common."""
