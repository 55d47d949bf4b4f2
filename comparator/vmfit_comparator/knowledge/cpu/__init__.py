"""What a guest's CPU needs, what hosts give, and how they compare: by architecture."""
