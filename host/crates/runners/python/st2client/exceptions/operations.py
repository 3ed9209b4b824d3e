"""Errors of operations."""


class OperationFailureException(Exception):
    """An operation has failed."""
