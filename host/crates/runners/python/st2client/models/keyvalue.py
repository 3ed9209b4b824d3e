"""Keys of the datastore."""

from st2client.models.core import Resource


class KeyValuePair(Resource):
    """A key of the datastore. Its id is its name."""

    path = "keys"

    @property
    def id(self):
        return getattr(self, "name", None)

    @id.setter
    def id(self, value):
        if not getattr(self, "name", None):
            self.name = value
