"""Errors that actions raise."""
