"""What hosts were: recorded as they are asked, and told later."""
