"""Errors of the client."""
