"""Aliases."""

from st2client.models.core import Resource


class ActionAlias(Resource):
    """An alias."""

    path = "actionalias"


class ActionAliasMatch(Resource):
    """A command for which an alias is sought."""

    path = "actionalias"
