"""Errors of commands."""


class ResourceCommandError(Exception):
    """A command has failed."""


class ResourceNotFoundError(Exception):
    """There is no such object."""
