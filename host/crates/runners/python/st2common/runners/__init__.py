"""The base class of Python actions."""
