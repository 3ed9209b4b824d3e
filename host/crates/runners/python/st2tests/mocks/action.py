"""Stand-ins for actions."""

from st2tests.mocks import MockActionService, MockActionWrapper  # noqa: F401
