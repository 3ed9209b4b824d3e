"""Errors of actions."""


class InvalidActionParameterException(Exception):
    """A parameter has a value that the action cannot work with."""
