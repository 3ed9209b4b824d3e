"""The base class of all Python actions, where it was before it moved to `st2common.runners.base_action`."""

from st2common.runners.base_action import Action

__all__ = ["Action"]
