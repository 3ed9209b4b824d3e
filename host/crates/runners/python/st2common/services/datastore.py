"""The datastore, as actions of a pack see it. Names are by default local to pack and class, `PACK.CLASS:NAME`."""

from petrel_api import Api, ApiError, segment
from st2common.constants.keyvalue import DATASTORE_KEY_SEPARATOR, SYSTEM_SCOPE

# What a list has if nobody says how much.
MOST = 1000


class KeyValuePair:
    """A key of the datastore."""

    def __init__(self, **given):
        self.name, self.value = given.get("name"), given.get("value")
        for name, value in given.items():
            setattr(self, name, value)

    def __repr__(self):
        # Without the value, which may be secret.
        return "<KeyValuePair name=%s>" % self.name


class BaseDatastoreService:
    """Reads and changes keys of the scope `system`."""

    def __init__(self, logger=None, pack_name=None, class_name=None, api_username=None):
        self._logger, self._pack_name, self._class_name = logger, pack_name, class_name
        self._api_username = api_username

    def get_user_info(self):
        """The user on whose behalf the action runs, as the API has it."""
        return self._api().ask("GET", "/user")

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        """The keys whose names begin with `prefix`."""
        asked = {"prefix": self._get_key_name_with_prefix(local, prefix), "scope": SYSTEM_SCOPE}
        asked.update(limit=limit or MOST, offset=offset or None)
        return [KeyValuePair(**one) for one in self._api().ask("GET", "/keys", params=asked) or []]

    def get_value(self, name, local=True, scope=SYSTEM_SCOPE, decrypt=False):
        """The text of a key; None if there is none."""
        known = self._ask("GET", name, local, scope, params={"decrypt": decrypt or None})
        return known.get("value") if known else None

    def set_value(self, name, value, ttl=None, local=True, scope=SYSTEM_SCOPE, encrypt=False):
        """Sets a key, for `ttl` seconds if that is given."""
        full = self._get_full_key_name(name, local)
        body = {"name": full, "value": str(value), "scope": scope, "secret": bool(encrypt)}
        if ttl:
            body["ttl"] = ttl
        self._ask("PUT", name, local, scope, body=body)
        return True

    def delete_value(self, name, local=True, scope=SYSTEM_SCOPE):
        """Deletes a key. Returns whether there was one."""
        return self._ask("DELETE", name, local, scope) is not None

    def _ask(self, method, name, local, scope, params=None, body=None):
        if scope != SYSTEM_SCOPE:
            raise ValueError("Scope %s is unsupported." % scope)
        path = "/keys/" + segment(self._get_full_key_name(name, local))
        try:
            answer = self._api().ask(method, path, body=body, params=dict(params or {}, scope=scope))
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return answer if answer is not None else {}

    def _api(self):
        return Api()

    def _get_full_key_name(self, name, local):
        """The whole name of a key."""
        if not local:
            return name
        return DATASTORE_KEY_SEPARATOR.join([self._get_local_name(), name])

    def _get_key_name_with_prefix(self, local, prefix):
        if not local:
            return prefix
        return self._get_full_key_name(prefix or "", True)

    def _get_local_name(self):
        return "%s.%s" % (self._pack_name, self._class_name)


class ActionDatastoreService(BaseDatastoreService):
    """The datastore of an action."""


class SensorDatastoreService(BaseDatastoreService):
    """The datastore of a sensor."""
