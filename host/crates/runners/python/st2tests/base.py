"""The classes that tests of packs are derived from."""

import inspect
import os
import unittest

from st2tests.mocks import MockActionService, MockActionWrapper, MockSensorService, MockSensorWrapper

__all__ = ["BaseActionAliasTestCase", "BaseActionTestCase", "BasePackResourceTestCase", "BaseSensorTestCase"]
__all__ += ["BaseTestCase", "CleanDbTestCase", "DbTestCase", "TestCase"]

TestCase = BaseTestCase = unittest.TestCase


class BasePackResourceTestCase(unittest.TestCase):
    """A test of something in a pack."""

    def get_fixture_content(self, fixture_path):
        """The text of a file in `tests/fixtures` of the pack."""
        with open(os.path.join(self._get_base_pack_path(), "tests", "fixtures", fixture_path), encoding="utf-8") as opened:
            return opened.read()

    def _get_base_pack_path(self):
        folder = os.path.dirname(os.path.abspath(inspect.getfile(type(self))))
        while os.path.dirname(folder) != folder:
            if os.path.isfile(os.path.join(folder, "pack.yaml")):
                return folder
            folder = os.path.dirname(folder)
        return os.getcwd()

    def _pack_name(self):
        return os.path.basename(self._get_base_pack_path())


class BaseActionTestCase(BasePackResourceTestCase):
    """A test of an action, whose class is `action_cls`."""

    action_cls = None

    def setUp(self):
        super().setUp()
        if not self.action_cls:
            raise ValueError('"action_cls" attribute needs to be provided')
        wrapper = MockActionWrapper(pack="tests", class_name=self.action_cls.__name__)
        self.action_service = MockActionService(action_wrapper=wrapper)

    def get_action_instance(self, config=None):
        """An action with this configuration."""
        try:
            return self.action_cls(config=config, action_service=self.action_service)
        except TypeError as error:
            # Older actions only accept the configuration.
            if "unexpected keyword argument 'action_service'" not in str(error):
                raise
        action = self.action_cls(config=config)
        action.action_service = self.action_service
        return action


class BaseSensorTestCase(BasePackResourceTestCase):
    """A test of a sensor, whose class is `sensor_cls`."""

    sensor_cls = None

    def setUp(self):
        super().setUp()
        if not self.sensor_cls:
            raise ValueError('"sensor_cls" attribute needs to be provided')
        wrapper = MockSensorWrapper(pack="tests", class_name=self.sensor_cls.__name__)
        self.sensor_service = MockSensorService(sensor_wrapper=wrapper)

    def get_sensor_instance(self, config=None, poll_interval=None):
        """A sensor with this configuration."""
        given = {"config": config or {}, "sensor_service": self.sensor_service}
        if poll_interval is not None:
            given["poll_interval"] = poll_interval
        return self.sensor_cls(**given)

    def get_dispatched_triggers(self):
        """The events so far."""
        return self.sensor_service.dispatched_triggers

    def get_last_dispatched_trigger(self):
        """The last event."""
        return self.sensor_service.dispatched_triggers[-1]

    def assertTriggerDispatched(self, trigger, payload=None, trace_context=None):  # noqa: N802
        """Asserts that there was such an event."""
        for one in self.get_dispatched_triggers():
            fits = [one["trigger"] == trigger, payload is None or one["payload"] == payload]
            if all(fits) and (trace_context is None or one["trace_context"] == trace_context):
                return True
        raise AssertionError('Trigger "%s" with payload %r was not dispatched' % (trigger, payload))


class BaseActionAliasTestCase(BasePackResourceTestCase):
    """A test of an alias. Petrel has none yet."""

    action_alias_name = None

    def setUp(self):
        super().setUp()
        self.skipTest("Petrel has no aliases yet")


class DbTestCase(unittest.TestCase):
    """A test with StackStorm's own database, which Petrel does not have."""

    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("Petrel has no database of StackStorm's")


CleanDbTestCase = DbTestCase
