"""Errors that actions raise and catch."""


class StackStormBaseException(Exception):
    """What the errors of StackStorm derive from."""


class StackStormPluginException(StackStormBaseException):
    """What the errors of extensions derive from."""
