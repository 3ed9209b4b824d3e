"""Errors of stored objects."""

from st2common.exceptions import StackStormBaseException


class StackStormDBObjectNotFoundError(StackStormBaseException):
    """There is no such object."""


class StackStormDBObjectConflictError(StackStormBaseException):
    """There is such an object already."""
