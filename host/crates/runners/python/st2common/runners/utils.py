"""The attributes of a Python action: its configuration, its logger, and the services of the host."""

import logging
import sys

from st2common import log


class PackConfigDict(dict):
    """The configuration of a pack, whose error for a missing key has a remedy."""

    def __init__(self, pack_name, *args):
        super().__init__(*args)
        self._pack_name = pack_name

    def __missing__(self, key):
        # A ValueError and not a KeyError, as in StackStorm.
        raise ValueError(
            'Config for pack "%s" is missing key "%s". %s. Correct the name, or set it with: petrel pack configure %s FILE'
            % (self._pack_name, key, self._known(key), self._pack_name)
        )

    def _known(self, key):
        # Imported here, since only a failure needs it.
        import difflib

        # Keys are names, and never secret as their values may be.
        names = sorted(str(name) for name in self)
        # A comparison takes the product of the lengths.
        near = difflib.get_close_matches(str(key), names, 1, 0.75) if len(str(key)) <= 100 else []
        if near:
            return 'Did you mean "%s"' % near[0]
        shown = ", ".join(names[:20]) + (" and %d more" % (len(names) - 20) if len(names) > 20 else "")
        return "It has: %s" % shown if names else "It is empty"


def get_logger_for_python_runner_action(action_name, log_level="debug"):
    """The logger of an action, which writes to standard error."""
    logger = log.getLogger("actions.python.%s" % action_name)
    if not logger.handlers:
        level = logging.getLevelName(log_level.upper())
        level = level if isinstance(level, int) else logging.DEBUG
        handler = logging.StreamHandler(sys.stderr)
        handler.setLevel(level)
        handler.setFormatter(logging.Formatter("%(name)-12s: %(levelname)-8s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(level)
    return logger


class _Wrapper:
    """The datastore, as an attribute of the service."""

    def __init__(self, pack, class_name, user, log_level):
        self._pack = pack
        self._class_name = class_name
        self._user = user
        self._log_level = log_level


class ActionService:
    """The services of StackStorm. Petrel does not provide them to Python yet, and every call says so."""

    def __init__(self, pack, class_name, user, log_level):
        self._action_wrapper = _Wrapper(pack, class_name, user, log_level)

    @property
    def datastore_service(self):
        return self

    def get_user_info(self):
        raise self._later("get_user_info()", "{{ action_context.user }}")

    def list_values(self, local=True, prefix=None, limit=None, offset=None):
        raise self._later("list_values()", "{{ st2kv.system.NAME }}")

    def get_value(self, name, local=True, scope="system", decrypt=False):
        raise self._later("get_value(%r)" % name, "{{ st2kv.system.NAME }}")

    def set_value(self, name, value, ttl=None, local=True, scope="system", encrypt=False):
        raise self._later("set_value(%r, ...)" % name)

    def delete_value(self, name, local=True, scope="system"):
        raise self._later("delete_value(%r)" % name)

    def _later(self, called, template=None):
        remedy = "return the value, and have the next task of a workflow or `petrel key` change the datastore"
        if template:
            remedy = 'hand the value over as a parameter, with the template "%s"' % template
        return NotImplementedError(
            "%s of pack %s calls action_service.%s, which Petrel does not offer to Python actions yet; %s"
            % (self._action_wrapper._class_name, self._action_wrapper._pack, called, remedy)
        )
