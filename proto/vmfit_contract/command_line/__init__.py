"""What the programs' command lines have in common: commands, errors, exit statuses."""
