"""The logging of the standard library, with StackStorm's names for loggers and its level AUDIT."""

import logging
from logging import CRITICAL, DEBUG, ERROR, INFO, WARNING  # noqa: F401

AUDIT = CRITICAL + 10

logging.AUDIT = AUDIT
logging.addLevelName(AUDIT, "AUDIT")

# Names that actions use after importing this module `as logging`.
Formatter = logging.Formatter
Handler = logging.Handler
StreamHandler = logging.StreamHandler


def _audit(logger, message, *arguments, **more):
    """Logs at the level AUDIT."""
    if logger.isEnabledFor(AUDIT):
        logger._log(AUDIT, message, arguments, **more)


logging.Logger.audit = _audit


def getLogger(name):  # noqa: N802
    """A logger below `st2`."""
    return logging.getLogger(name if name.startswith("st2.") else "st2." + name)


def getLevelName(level):  # noqa: N802
    """The name of a level."""
    return logging.getLevelName(level)
