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
    """What the host offers to an action: the datastore, by the API and with the token of the execution."""

    def __init__(self, pack=None, class_name=None, user=None, log_level="debug", action_wrapper=None):
        # A test hands over a wrapper of its own.
        self._action_wrapper = action_wrapper or _Wrapper(pack, class_name, user, log_level)
        self._datastore_service = None

    @property
    def datastore_service(self):
        if self._datastore_service is None:
            # Imported here, since most actions use no datastore.
            from st2common.services.datastore import ActionDatastoreService

            wrapper = self._action_wrapper
            self._datastore_service = ActionDatastoreService(
                pack_name=wrapper._pack, class_name=wrapper._class_name, api_username=getattr(wrapper, "_user", None)
            )
        return self._datastore_service

    def get_user_info(self):
        """The user on whose behalf the action runs."""
        return self.datastore_service.get_user_info()

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        """The keys whose names begin with `prefix`."""
        return self.datastore_service.list_values(local=local, prefix=prefix, limit=limit, offset=offset)

    def get_value(self, name, local=True, scope="system", decrypt=False):
        """The text of a key; None if there is none."""
        return self.datastore_service.get_value(name=name, local=local, scope=scope, decrypt=decrypt)

    def set_value(self, name, value, ttl=None, local=True, scope="system", encrypt=False):
        """Sets a key, for `ttl` seconds if that is given."""
        return self.datastore_service.set_value(
            name=name, value=value, ttl=ttl, local=local, scope=scope, encrypt=encrypt
        )

    def delete_value(self, name, local=True, scope="system"):
        """Deletes a key. Returns whether there was one."""
        return self.datastore_service.delete_value(name=name, local=local, scope=scope)
