"""In StackStorm this makes the standard library cooperate with eventlet. Here there is nothing to do."""


def monkey_patch(patch_thread=None):
    """Does nothing."""


def use_select_poll_workaround(nose_only=True):
    """Does nothing."""
