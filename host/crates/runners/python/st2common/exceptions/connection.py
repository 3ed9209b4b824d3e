"""Errors of connections."""


class UnknownHostException(Exception):
    """The name of the host is not known."""


class ConnectionErrorException(Exception):
    """The host does not take the connection."""


class AuthenticationException(Exception):
    """The host does not let the user in."""
