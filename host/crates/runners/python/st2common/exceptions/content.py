"""Errors of content."""

from st2common.exceptions import StackStormBaseException


class UnsupportedMetaException(StackStormBaseException):
    """The metadata is of an unknown kind."""


class ParseException(ValueError):
    """The text cannot be parsed."""
