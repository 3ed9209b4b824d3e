"""Stand-ins for the services of the host, which keep everything in memory."""

import logging

from st2common.constants.keyvalue import DATASTORE_KEY_SEPARATOR, SYSTEM_SCOPE
from st2common.runners.utils import ActionService
from st2common.services.datastore import BaseDatastoreService, KeyValuePair


class MockDatastoreService(BaseDatastoreService):
    """A datastore in memory."""

    def __init__(self, logger=None, pack_name="tests", class_name="Test", api_username=None):
        super().__init__(logger, pack_name, class_name, api_username)
        self._datastore_items = {}

    def get_user_info(self):
        return {"username": "admin", "rbac": {"enabled": False}, "authentication": {"method": "authentication token"}}

    def list_values(self, local=True, prefix=None, limit=None, offset=0):
        beginning = self._get_key_name_with_prefix(local, prefix) or ""
        found = [one for name, one in sorted(self._datastore_items.items()) if name.startswith(beginning)]
        return found[offset or 0 :][: limit or None]

    def get_value(self, name, local=True, scope=SYSTEM_SCOPE, decrypt=False):
        self._check(scope)
        known = self._datastore_items.get(self._get_full_key_name(name, local))
        return known.value if known else None

    def set_value(self, name, value, ttl=None, local=True, scope=SYSTEM_SCOPE, encrypt=False):
        self._check(scope)
        if ttl:
            raise ValueError("MockDatastoreService.set_value doesn't support ttl argument")
        full = self._get_full_key_name(name, local)
        self._datastore_items[full] = KeyValuePair(id=full, name=full, value=value)
        return True

    def delete_value(self, name, local=True, scope=SYSTEM_SCOPE):
        self._check(scope)
        return self._datastore_items.pop(self._get_full_key_name(name, local), None) is not None

    def _check(self, scope):
        if scope != SYSTEM_SCOPE:
            raise ValueError("Scope %s is unsupported." % scope)


class MockActionWrapper:
    """What stands behind the service of an action."""

    def __init__(self, pack, class_name):
        self._pack, self._class_name, self._user, self._log_level = pack, class_name, "admin", "debug"


class MockActionService(ActionService):
    """The services of an action."""

    def __init__(self, action_wrapper):
        super().__init__(action_wrapper=action_wrapper)
        self._datastore_service = MockDatastoreService(
            pack_name=action_wrapper._pack, class_name=action_wrapper._class_name
        )


class MockSensorWrapper:
    """What stands behind the service of a sensor."""

    def __init__(self, pack, class_name):
        self._pack, self._class_name = pack, class_name


class MockSensorService:
    """The services of a sensor, which remember what it has dispatched."""

    def __init__(self, sensor_wrapper):
        self._sensor_wrapper = sensor_wrapper
        self._logger = logging.getLogger("tests.sensor")
        self._logger_instances = {}
        self.dispatched_triggers = []
        self._datastore_service = MockDatastoreService(
            pack_name=sensor_wrapper._pack, class_name=sensor_wrapper._class_name
        )

    @property
    def datastore_service(self):
        return self._datastore_service

    def get_logger(self, name):
        """A logger."""
        full = "%s.%s" % (self._sensor_wrapper._class_name, name)
        return self._logger_instances.setdefault(full, logging.getLogger("tests." + full))

    def get_user_info(self):
        return self._datastore_service.get_user_info()

    def dispatch(self, trigger, payload=None, trace_tag=None):
        """Remembers an event."""
        context = {"trace_tag": trace_tag} if trace_tag else None
        return self.dispatch_with_context(trigger, payload, context)

    def dispatch_with_context(self, trigger, payload=None, trace_context=None):
        """Remembers an event."""
        item = {"trigger": trigger, "payload": payload, "trace_context": trace_context}
        self.dispatched_triggers.append(item)
        return item

    def list_values(self, *given, **named):
        return self._datastore_service.list_values(*given, **named)

    def get_value(self, *given, **named):
        return self._datastore_service.get_value(*given, **named)

    def set_value(self, *given, **named):
        return self._datastore_service.set_value(*given, **named)

    def delete_value(self, *given, **named):
        return self._datastore_service.delete_value(*given, **named)


__all__ = ["DATASTORE_KEY_SEPARATOR", "MockActionService", "MockActionWrapper", "MockDatastoreService"]
__all__ += ["MockSensorService", "MockSensorWrapper"]
