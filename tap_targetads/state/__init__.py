"""State: what has been delivered, and what is still to read."""
