"""Errors of the datastore."""

from st2common.exceptions import StackStormBaseException


class CryptoKeyNotSetupException(StackStormBaseException):
    """There is no key to encrypt by."""


class DataStoreKeyNotFoundError(StackStormBaseException):
    """The datastore has no such key."""


class InvalidScopeException(StackStormBaseException):
    """The datastore has no such scope."""
