"""What became of migrations, and what that says of the answers."""
