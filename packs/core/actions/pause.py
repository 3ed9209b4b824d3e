"""core.pause: waits."""

import random as chance
import time

from st2common.runners.base_action import Action


class PauseAction(Action):
    """Waits."""

    def run(self, max_pause, random):
        """Returns the number of seconds."""
        delay = chance.randint(1, max(1, max_pause)) if random else max_pause
        time.sleep(max(0, delay))
        return delay
