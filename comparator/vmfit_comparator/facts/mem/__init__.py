"""The guest's memory."""
