"""Stand-ins for sensors."""

from st2tests.mocks import MockSensorService, MockSensorWrapper  # noqa: F401
