"""The services of the host, as a sensor finds them: events, loggers, and the datastore."""

import logging

from st2common import log

# The greatest number of keys in one list of the host.
MOST = 1000


class Refused(Exception):
    """The host has not done what it was asked for."""


class Ending(Exception):
    """The sensor is being ended, and the host has not done what it was asked for."""


class KeyValuePair:
    """A key of the datastore, with the attributes that `st2client` gives it."""

    def __init__(self, name, value, secret=False, encrypted=False, expire_timestamp=None):
        self.id = self.name = name
        self.value = value
        self.scope = "st2kv.system"
        self.secret = secret
        self.encrypted = encrypted
        self.expire_timestamp = expire_timestamp


class SensorDatastoreService:
    """The datastore. Names of keys are local to the sensor, `PACK.CLASS:NAME`, unless `local` is false."""

    DATASTORE_NAME_SEPARATOR = ":"

    def __init__(self, ask, logger, pack_name, class_name):
        self._ask = ask
        self._logger = logger
        self._pack_name = pack_name
        self._class_name = class_name

    def get_user_info(self):
        """The user on whose behalf sensors use the datastore."""
        return {"username": "sensor_service", "rbac": {"enabled": False, "roles": [], "is_admin": True}}

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        """The keys whose names begin with `prefix`: 100 of them, unless `limit` says another number; -1 for all, up to 1000."""
        limit, offset = int(limit or 100), int(offset or 0)
        given = {"prefix": self._name(prefix or "", local), "limit": limit if limit > 0 else MOST, "offset": max(offset, 0)}
        return [KeyValuePair(**key) for key in self._ask("list", given)]

    def get_value(self, name, local=True, scope="system", decrypt=False):
        """The value of a key, or None."""
        self._check(scope)
        try:
            found = self._ask("get", {"name": self._name(name, local), "decrypt": bool(decrypt)})
        except Refused as error:
            # As in StackStorm, the sensor is not told.
            self._logger.warning("failed to read the key %s: %s", name, error)
            return None
        return found[0]["value"] if found else None

    def set_value(self, name, value, ttl=None, local=True, scope="system", encrypt=False):
        """Sets a key to a text, for `ttl` seconds or for ever. Returns once it is stored."""
        self._check(scope)
        given = {"name": self._name(name, local), "value": str(value), "encrypt": bool(encrypt)}
        if ttl:
            # What the host could not read would be a key for ever.
            if not isinstance(ttl, (int, float)) or not 0 < ttl < float("inf"):
                raise ValueError("ttl is %r; give the seconds until the key expires, or none" % (ttl,))
            given["ttl"] = ttl
        self._ask("set", given)
        return True

    def delete_value(self, name, local=True, scope="system"):
        """Deletes a key. False if there is none."""
        self._check(scope)
        try:
            return bool(self._ask("delete", {"name": self._name(name, local)}))
        except Refused as error:
            self._logger.warning("failed to delete the key %s: %s", name, error)
            return False

    def _check(self, scope):
        if scope not in ("system", "st2kv.system"):
            raise ValueError("Scope %s is unsupported; sensors use the scope system." % scope)

    def _name(self, name, local):
        if not local:
            return str(name)
        return "%s.%s%s%s" % (self._pack_name, self._class_name, self.DATASTORE_NAME_SEPARATOR, name)


class SensorService:
    """What a sensor asks of the host. `send` sends an event and returns once it is stored, `ask` uses the datastore."""

    def __init__(self, send, ask, pack_name, class_name):
        self._send = send
        self._logger = log.getLogger("SensorWrapper.%s.%s" % (pack_name, class_name))
        self._datastore_service = SensorDatastoreService(ask, self._logger, pack_name, class_name)

    @property
    def datastore_service(self):
        """The datastore."""
        return self._datastore_service

    def get_logger(self, name):
        """A logger, whose lines `petrel sensor logs` shows."""
        logger = logging.getLogger("%s.%s" % (self._logger.name, name))
        logger.propagate = True
        return logger

    def get_user_info(self):
        """The user on whose behalf sensors use the datastore."""
        return self._datastore_service.get_user_info()

    def dispatch(self, trigger, payload=None, trace_tag=None):
        """Sends an event, and returns once it is stored with all that follows from it."""
        self._dispatch(trigger, payload, trace_tag)

    def dispatch_with_context(self, trigger, payload=None, trace_context=None):
        """As `dispatch`, in the trace that `trace_context` names by its id or its tag."""
        named = trace_context if isinstance(trace_context, dict) else getattr(trace_context, "__dict__", {})
        trace = named.get("id_") or named.get("id") or named.get("trace_tag")
        self._dispatch(trigger, payload, trace)

    def _dispatch(self, trigger, payload, trace):
        if isinstance(trigger, dict):
            trigger = trigger.get("ref")
        # An object of a trigger has its reference as an attribute, or as a method.
        trigger = getattr(trigger, "ref", trigger)
        try:
            self._send(str(trigger), {} if payload is None else payload, trace)
        except Refused as error:
            # As in StackStorm, the sensor goes on.
            self._logger.warning("an event of %s was not taken: %s", trigger, error)

    def list_values(self, local=True, prefix=None, limit=None, offset=None):
        """The keys of the datastore whose names begin with `prefix`."""
        return self._datastore_service.list_values(local=local, prefix=prefix, limit=limit, offset=offset)

    def get_value(self, name, local=True, scope="system", decrypt=False):
        """The value of a key of the datastore, or None."""
        return self._datastore_service.get_value(name, local=local, scope=scope, decrypt=decrypt)

    def set_value(self, name, value, ttl=None, local=True, scope="system", encrypt=False):
        """Sets a key of the datastore."""
        return self._datastore_service.set_value(
            name, value, ttl=ttl, local=local, scope=scope, encrypt=encrypt
        )

    def delete_value(self, name, local=True, scope="system"):
        """Deletes a key of the datastore."""
        return self._datastore_service.delete_value(name, local=local, scope=scope)
