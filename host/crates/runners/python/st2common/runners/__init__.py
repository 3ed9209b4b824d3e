"""What Python actions derive from."""
