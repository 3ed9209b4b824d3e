"""Small functions that actions share."""
