"""Executions of aliases."""

from st2client.models.core import Resource


class ActionAliasExecution(Resource):
    """An execution of an alias."""

    path = "aliasexecution"
