"""The base classes of sensors."""

import abc
import time


def rest(seconds):
    """Waits until the next poll. `petrel_sensor.py` puts another one in its place, which an operator can end early."""
    time.sleep(seconds)


class BaseSensor(abc.ABC):
    """What passive and active sensors have in common."""

    def __init__(self, sensor_service, config=None):
        """`sensor_service` is what the host offers, `config` the configuration of the pack."""
        # Packs use both names of each.
        self._sensor_service = sensor_service
        self.sensor_service = sensor_service
        self._config = config or {}
        self.config = self._config

    @abc.abstractmethod
    def setup(self):
        """Prepares the sensor, before it is told of triggers and runs."""

    @abc.abstractmethod
    def run(self):
        """Runs the sensor, until the process is ended."""

    @abc.abstractmethod
    def cleanup(self):
        """Gives back what the sensor holds, at the end of its process."""

    @abc.abstractmethod
    def add_trigger(self, trigger):
        """Is called for each trigger that rules listen to."""

    @abc.abstractmethod
    def update_trigger(self, trigger):
        """Is called for a trigger that has changed. Here it is removed, and another one is added."""

    @abc.abstractmethod
    def remove_trigger(self, trigger):
        """Is called for a trigger that no rule listens to any more."""


class Sensor(BaseSensor):
    """A sensor that waits for what comes."""

    @abc.abstractmethod
    def run(self):
        """Runs the sensor, until the process is ended."""


class PollingSensor(BaseSensor):
    """A sensor that looks at intervals."""

    def __init__(self, sensor_service, config=None, poll_interval=5):
        """`poll_interval` is in seconds."""
        super().__init__(sensor_service=sensor_service, config=config)
        self._poll_interval = poll_interval

    @abc.abstractmethod
    def poll(self):
        """Looks once."""

    def run(self):
        """Looks again and again."""
        while True:
            self.poll()
            rest(self._poll_interval)

    def get_poll_interval(self):
        """The seconds between two looks."""
        return self._poll_interval

    def set_poll_interval(self, poll_interval):
        """Changes the seconds between two looks, from the next pause on."""
        self._poll_interval = poll_interval
