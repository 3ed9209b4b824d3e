"""Errors that actions raise and catch."""


class StackStormBaseException(Exception):
    """The base class of StackStorm's errors."""


class StackStormPluginException(StackStormBaseException):
    """The base class of errors of extensions."""
