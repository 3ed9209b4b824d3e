"""What the process of a sensor offers to it."""
