"""Errors of connections."""


class UnknownHostException(Exception):
    """The name of the host cannot be resolved."""


class ConnectionErrorException(Exception):
    """The host refuses the connection."""


class AuthenticationException(Exception):
    """The host rejects the credentials."""
