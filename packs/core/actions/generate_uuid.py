"""core.uuid: creates a UUID."""

import uuid

from st2common.runners.base_action import Action


class GenerateUUID(Action):
    """Creates a UUID."""

    def run(self, uuid_type):
        """Returns the UUID as text."""
        if uuid_type not in ("uuid1", "uuid4"):
            raise ValueError("uuid_type is %r; it must be uuid1 or uuid4" % uuid_type)
        return str(getattr(uuid, uuid_type)())
