"""What operators say of guests and hosts."""
