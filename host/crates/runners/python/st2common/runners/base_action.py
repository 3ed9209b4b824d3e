"""The base class of all Python actions."""

import abc

from st2common.runners.utils import PackConfigDict, get_logger_for_python_runner_action


class Action(abc.ABC):
    """An action: `run` does it.

    What `run` returns is the result. A pair whose first part is True or False is status and result.
    """

    description = None

    def __init__(self, config=None, action_service=None):
        """`config` is the pack's configuration, `action_service` what the host offers."""
        wrapper = getattr(action_service, "_action_wrapper", None)
        if not isinstance(config, PackConfigDict):
            config = PackConfigDict(getattr(wrapper, "_pack", "unknown"), config or {})
        self.config = config
        self.action_service = action_service
        self.logger = get_logger_for_python_runner_action(
            type(self).__name__, log_level=getattr(wrapper, "_log_level", "debug")
        )

    @abc.abstractmethod
    def run(self, **kwargs):
        """Runs the action."""
