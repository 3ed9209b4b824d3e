"""Errors of content."""

from st2common.exceptions import StackStormBaseException


class UnsupportedMetaException(StackStormBaseException):
    """Metadata of a kind that is not known."""


class ParseException(ValueError):
    """A text that cannot be read."""
