"""What is secret in texts that others wrote, and how a text looks without it."""
