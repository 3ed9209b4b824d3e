"""The runners of that time."""
