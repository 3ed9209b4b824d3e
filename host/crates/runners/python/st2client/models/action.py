"""Actions and their executions."""

from st2client.models.core import Resource


class RunnerType(Resource):
    """A runner."""

    path = "runnertypes"


class Action(Resource):
    """An action."""

    path = "actions"


class Execution(Resource):
    """An execution."""

    path = "executions"


class LiveAction(Execution):
    """An execution, by the name that it had at first."""
